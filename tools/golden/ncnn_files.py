"""NCNN's model files: a writer of all their forms, a reader of the real models' weights, and NCNN itself as the judge.

A .param lists layers with their blobs and numbered parameters, as text or as 32-bit words. A .bin holds the weights in layer order:
those of a convolution behind a 4-byte flag that tells how they are stored, biases and slopes as plain float32.
"""

import struct
from collections import Counter
from dataclasses import dataclass, field

import ncnn
import numpy as np
import torch

MAGIC = 7767517
F32, F16, INT8 = 0, 0x01306B47, 0x000D4B38
END_OF_PARAMETERS = -233
FIRST_ARRAY = -23300


@dataclass
class Layer:
    """`parameters` has ints, floats and lists of floats; `flagged` is the weight behind a flag, `plain` the arrays after it."""

    kind: str
    name: str
    inputs: list
    outputs: list
    parameters: dict = field(default_factory=dict)
    flagged: np.ndarray | None = None
    plain: list = field(default_factory=list)


def with_splits(layers):
    """Gives each reader of a shared blob a copy of its own, the first reader the last copy, as NCNN's converters do."""
    readers = Counter(blob for layer in layers for blob in layer.inputs)
    copies, result, splits = {}, [], 0
    for layer in layers:
        inputs = [copies[blob].pop() if blob in copies else blob for blob in layer.inputs]
        result.append(Layer(layer.kind, layer.name, inputs, layer.outputs, layer.parameters, layer.flagged, layer.plain))
        for blob in layer.outputs:
            if readers[blob] > 1:
                copies[blob] = [f"{blob}_splitncnn_{copy}" for copy in range(readers[blob])]
                result.append(Layer("Split", f"splitncnn_{splits}", [blob], list(copies[blob])))
                splits += 1
    return result


def text_param(layers):
    blobs = sum(len(layer.outputs) for layer in layers)
    return "\n".join([str(MAGIC), f"{len(layers)} {blobs}", *map(_text_layer, layers), ""])


def _text_layer(layer):
    counts = f"{len(layer.inputs)} {len(layer.outputs)}"
    values = [_text_parameter(key, value) for key, value in layer.parameters.items()]
    return " ".join([f"{layer.kind:16} {layer.name:24} {counts}", *layer.inputs, *layer.outputs, *values])


def _text_parameter(key, value):
    if isinstance(value, list):
        return f"{FIRST_ARRAY - key}={len(value)}," + ",".join(f"{item:e}" for item in value)
    return f"{key}={value:e}" if isinstance(value, float) else f"{key}={value}"


def binary_param(layers):
    """The form without names: layer kinds are NCNN's numbers, blobs are counted in the order of their producers."""
    numbers = {blob: number for number, blob in enumerate(blob for layer in layers for blob in layer.outputs)}
    words = [MAGIC, len(layers), len(numbers)]
    for layer in layers:
        blobs = [numbers[blob] for blob in layer.inputs + layer.outputs]
        words += [ncnn.layer_to_index(layer.kind), len(layer.inputs), len(layer.outputs), *blobs]
        for key, value in layer.parameters.items():
            words += [FIRST_ARRAY - key, len(value), *value] if isinstance(value, list) else [key, value]
        words.append(END_OF_PARAMETERS)
    return b"".join(struct.pack("<f" if isinstance(word, float) else "<i", word) for word in words)


def weights(layers, flag):
    return b"".join(_layer_weights(layer, flag) for layer in layers)


def _layer_weights(layer, flag):
    flagged = b"" if layer.flagged is None else _padded(struct.pack("<I", flag) + stored(layer.flagged, flag).tobytes())
    return flagged + b"".join(array.astype("<f4").tobytes() for array in layer.plain)


def stored(weight, flag):
    return weight.astype({F32: "<f4", F16: "<f2", INT8: "i1"}[flag])


def _padded(data):
    return data + bytes(-len(data) % 4)


def run(folder, picture, name="model"):
    """What NCNN itself makes of the model `name` in `folder`, with inexact speed-ups off. The picture is (1, C, H, W)."""
    net = ncnn.Net()
    net.opt.num_threads = 2
    for inexact in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage", "use_winograd_convolution"):
        setattr(net.opt, inexact, False)
    binary = folder / f"{name}.param.bin"
    loaded = net.load_param_bin(str(binary)) if binary.exists() else net.load_param(str(folder / f"{name}.param"))
    assert loaded == 0, f"NCNN refuses the .param of {folder}"
    assert net.load_model(str(folder / f"{name}.bin")) == 0, f"NCNN refuses the .bin of {folder}"
    return _extract(net, picture)


def _extract(net, picture):
    array = np.ascontiguousarray(picture[0].numpy())  # named, for ncnn.Mat does not keep it alive
    extractor = net.create_extractor()
    extractor.input(net.input_indexes()[0], ncnn.Mat(array).clone())
    status, output = extractor.extract(net.output_indexes()[0])
    assert status == 0
    return torch.from_numpy(np.array(output))[None]


def read_weights(param, bin):
    """The arrays of every Convolution (weight, bias) and PReLU (slopes) of a text model with float16 weights, in file order."""
    data, offset, arrays = bin.read_bytes(), 0, []

    def take(count, kind):
        nonlocal offset
        array = np.frombuffer(data, kind, count, offset)
        offset += array.nbytes
        return array.astype(np.float32)

    for line in param.read_text().splitlines()[2:]:
        kind, *_ = words = line.split()
        parameters = dict(word.split("=") for word in words if "=" in word)
        if kind == "Convolution":
            assert data[offset : offset + 4] == struct.pack("<I", F16)
            offset += 4
            arrays.append(take(int(parameters["6"]), "<f2"))
            offset += -offset % 4
            arrays.append(take(int(parameters["0"]), "<f4"))
        elif kind == "PReLU":
            arrays.append(take(int(parameters["0"]), "<f4"))
    assert offset == len(data), f"{len(data) - offset} bytes of {bin} are left over"
    return arrays
