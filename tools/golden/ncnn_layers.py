"""Lowers Compact and ESRGAN networks of PyTorch into NCNN layers, in the order of Real-ESRGAN's published .param files."""

import numpy as np
from torch import nn

from ncnn_files import Layer


class Layers:
    """A growing list of layers; each addition answers with the name of its output blob."""

    def __init__(self):
        self.list = [Layer("Input", "input.1", [], ["data"])]

    def add(self, kind, inputs, parameters=None, flagged=None, plain=()):
        blob = str(100 + len(self.list))
        name = f"{kind}_{len(self.list)}"
        self.list.append(Layer(kind, name, list(inputs), [blob], parameters or {}, flagged, list(plain)))
        return blob

    def convolution(self, module, blob, slope=None):
        """`slope` fuses an activation: None for none, 0 for ReLU, else LeakyReLU."""
        weight, bias = array(module.weight), array(module.bias)
        parameters = {0: len(bias), 1: 3, 4: 1, 5: 1, 6: weight.size}
        if slope is not None:
            parameters |= {9: 2, 10: [slope]} if slope else {9: 1}
        return self.add("Convolution", [blob], parameters, weight, [bias])

    def activation(self, module, blob):
        if isinstance(module, nn.PReLU):
            return self.add("PReLU", [blob], {0: module.weight.numel()}, plain=[array(module.weight)])
        return self.add("ReLU", [blob], {0: module.negative_slope} if isinstance(module, nn.LeakyReLU) else {})

    def nearest(self, blob, factor):
        return self.add("Interp", [blob], {0: 1, 1: float(factor), 2: float(factor)})

    def finish(self):
        self.list[-1].outputs = ["output"]
        return self.list


def array(tensor):
    return tensor.detach().numpy().astype(np.float32)


def compact(net, fused_slope=None, shrink=None):
    """`fused_slope` moves ReLU or LeakyReLU into the convolutions; `shrink` appends the bicubic step of the ×2 and ×3 models."""
    layers, blob = Layers(), "data"
    for convolution, activation in zip(net.body[0:-1:2], net.body[1:-1:2]):
        blob = layers.convolution(convolution, blob, fused_slope)
        if fused_slope is None:
            blob = layers.activation(activation, blob)
    blob = layers.convolution(net.body[-1], blob)
    blob = layers.add("PixelShuffle", [blob], {0: net.upscale})
    base = layers.nearest("data", net.upscale)
    blob = layers.add("BinaryOp", [blob, base])
    if shrink:
        layers.add("Interp", [blob], {0: 3, 1: shrink, 2: shrink})
    return layers.finish()


def esrgan(net):
    layers, blob = Layers(), "data"
    if net.shuffle_factor:
        blob = layers.add("Reorg", [blob], {0: net.shuffle_factor})
    first, shortcut, *rest = net.model
    blob = features = layers.convolution(first, blob)
    *blocks, body = shortcut.sub
    for block in blocks:
        start = blob
        for dense in (block.RDB1, block.RDB2, block.RDB3):
            blob = dense_block(layers, dense, blob)
        blob = scaled_sum(layers, blob, start)
    blob = layers.add("BinaryOp", [features, layers.convolution(body, blob)])
    for module, following in zip(rest, [*rest[1:], None]):
        if isinstance(module, nn.Upsample):
            blob = layers.nearest(blob, module.scale_factor)
        elif isinstance(module, nn.Conv2d):
            blob = layers.convolution(module, blob, 0.2 if isinstance(following, nn.LeakyReLU) else None)
    return layers.finish()


def dense_block(layers, dense, start):
    grown = [start]
    for convolution in (dense.conv1, dense.conv2, dense.conv3, dense.conv4):
        grown.append(layers.convolution(convolution[0], joined(layers, grown), 0.2))
    return scaled_sum(layers, layers.convolution(dense.conv5[0], joined(layers, grown)), start)


def joined(layers, blobs):
    return layers.add("Concat", blobs) if len(blobs) > 1 else blobs[0]


def scaled_sum(layers, blob, start):
    return layers.add("Eltwise", [blob, start], {0: 1, 1: [0.2, 1.0]})


def bicubic(picture, factor):
    """What a shrinking bicubic Interp computes: no antialiasing."""
    return nn.functional.interpolate(picture.double(), scale_factor=factor, mode="bicubic").float()
