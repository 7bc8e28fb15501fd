"""Golden cases of the convolutional architectures that spandrel knows, one function each."""

from contextlib import contextmanager
from unittest import mock

import torch
from spandrel.architectures.DCTLSA import DCTLSA
from spandrel.architectures.DnCNN import DnCNN
from spandrel.architectures.DRUNet import DRUNet
from spandrel.architectures.FBCNN import FBCNN
from spandrel.architectures.MMRealSR import MMRealSR
from spandrel.architectures.MoESR import MoESR
from spandrel.architectures.MoSR import MoSR
from spandrel.architectures.NAFNet import NAFNet
from spandrel.architectures.PLKSR import PLKSR, RealPLKSR
from spandrel.architectures.RCAN import RCAN
from spandrel.architectures.RealCUGAN import UpCunet2x, UpCunet2x_fast, UpCunet3x, UpCunet4x
from spandrel.architectures.SAFMN import SAFMN
from spandrel.architectures.SeemoRe import SeemoRe
from spandrel.architectures.SwiftSRGAN import SwiftSRGAN

from cases import make_network_case


def expect(architecture, scale, parameters, channels=3):
    return {
        "architecture": architecture,
        "scale": scale,
        "in_channels": channels,
        "out_channels": channels,
        "parameters": parameters,
    }


def plksr(root):
    defaults = {"dim": 8, "n_blocks": 2, "kernel_size": 9}
    found = {
        "features": 8, "blocks": 2, "kernel": "9", "part": 2, "mixer": "3-1", "attention": True, "norm": "none",
        "dysample": False,
    }
    sparse = {"lk_type": "SparsePLK"}
    for seed, (name, scale, options, differing) in enumerate([
        ("x4", 4, {}, {}),
        ("x2-doubled-mixer", 2, {"ccm_type": "DCCM", "kernel_size": 17}, {"mixer": "3-3", "kernel": "17"}),
        ("x3-inverted-mixer", 3, {"ccm_type": "ICCM", "n_blocks": 3, "use_ea": False},
         {"mixer": "1-3", "blocks": 3, "attention": False}),
        ("x2-sparse", 2, sparse, {"kernel": "sparse 5"}),
        ("x2-rectangles", 2, {"lk_type": "RectSparsePLK", "split_ratio": 0.5}, {"kernel": "rectangles 9", "part": 4}),
    ], start=400):
        net = PLKSR(**{**defaults, "upscaling_factor": scale, **options})
        make_network_case(root / name, net, seed, expect("plksr", scale, {**found, **differing}), "PLKSR")
    found |= {"mixer": "real", "norm": "group"}
    for seed, (name, scale, options, differing) in enumerate([
        ("real-x4", 4, {}, {}),
        ("real-x1", 1, {"dim": 12, "split_ratio": 0.5}, {"features": 12, "part": 6}),
        ("real-x2-layer-norm", 2, {"layer_norm": True, "n_blocks": 1}, {"norm": "layer", "blocks": 1}),
        ("real-x2-plain", 2, {"use_ea": False, "kernel_size": 5}, {"attention": False, "kernel": "5"}),
        ("real-x4-dysample", 4, {"dysample": True}, {"dysample": True}),
        ("real-x3-dysample", 3, {"dysample": True}, {"dysample": True}),
        ("real-x1-dysample", 1, {"dysample": True, "layer_norm": True}, {"dysample": True, "norm": "layer"}),
    ], start=410):
        net = RealPLKSR(**{**defaults, "upscaling_factor": scale, **options})
        last = list(net.feats)[-1] if options.get("dysample") else None
        make_network_case(root / name, net, seed, expect("plksr", scale, {**found, **differing}), "PLKSR", last=last)


def mosr(root):
    defaults = {"dim": 8, "n_block": 2}
    found = {"features": 8, "blocks": 2, "hidden": 12, "mixed": 8, "kernel": 7, "upsampler": "ps"}
    for seed, (name, scale, options, differing) in enumerate([
        ("x4", 4, {}, {}),
        ("x2-mixed", 2, {"conv_ratio": 1.5, "kernel_size": 5}, {"mixed": 12, "kernel": 5}),
        ("x1-grey", 1, {"in_ch": 1, "expansion_ratio": 2.0}, {"hidden": 16}),
        ("x2-gps", 2, {"upsampler": "gps", "n_block": 1}, {"upsampler": "gps", "blocks": 1}),
        ("x4-dys", 4, {"upsampler": "dys"}, {"upsampler": "dys"}),
        ("x3-dys", 3, {"upsampler": "dys", "n_block": 3}, {"upsampler": "dys", "blocks": 3}),
    ], start=430):
        net = MoSR(**{**defaults, "upscale": scale, **options})
        last = {"ps": lambda: net.upsampler[0], "gps": lambda: net.upsampler.in_to_k, "dys": lambda: net.upsampler.end_conv}
        wanted = expect("mosr", scale, {**found, **differing}, options.get("in_ch", 3))
        make_network_case(root / name, net, seed, wanted, "MoSR", last=last[options.get("upsampler", "ps")]())


def rcan(root):
    defaults = {"n_resgroups": 2, "n_resblocks": 2, "n_feats": 8, "reduction": 4, "norm": False}
    found = {
        "features": 8, "groups": 2, "blocks": 2, "squeezed": 2, "enlargement": 4, "unshuffle": 1, "norm": False,
    }
    for seed, (name, scale, options, differing) in enumerate([
        ("x4", 4, {}, {}),
        ("x2-norm", 2, {"norm": True, "n_resblocks": 1}, {"norm": True, "blocks": 1, "enlargement": 2}),
        ("x3-grey", 3, {"n_colors": 1, "n_resgroups": 1}, {"groups": 1, "enlargement": 3}),
        ("x8", 8, {"reduction": 2, "n_resgroups": 1}, {"squeezed": 4, "groups": 1, "enlargement": 8}),
        ("x2-unshuffle", 2, {"unshuffle_mod": True}, {"unshuffle": 2}),
        ("x1-unshuffle", 1, {"unshuffle_mod": True}, {"unshuffle": 4}),
    ], start=440):
        net = RCAN(**{**defaults, "scale": scale, **options})
        last = net.tail[1]
        wanted = expect("rcan", scale, {**found, **differing}, options.get("n_colors", 3))
        make_network_case(root / name, net, seed, wanted, "RCAN", size=(12, 16), last=last)


def swift_srgan(root):
    for seed, (name, scale, features, blocks) in enumerate([("x2", 2, 8, 2), ("x4", 4, 12, 1), ("x1", 1, 8, 3)], start=450):
        net = SwiftSRGAN(num_channels=features, num_blocks=blocks, upscale_factor=scale)
        found = {"features": features, "blocks": blocks, "upsamplings": {1: 0, 2: 1, 4: 2}[scale]}
        make_network_case(root / name, net, seed, expect("swift-srgan", scale, found), "SwiftSRGAN")


def safmn(root):
    for seed, (name, scale, features, blocks, growth) in enumerate(
        [("x4", 4, 8, 2, 2.0), ("x2", 2, 12, 1, 1.5), ("x1", 1, 16, 3, 1.0)], start=460
    ):
        net = SAFMN(dim=features, n_blocks=blocks, ffn_scale=growth, upscaling_factor=scale)
        found = {"features": features, "blocks": blocks, "hidden": int(features * growth)}
        make_network_case(root / name, net, seed, expect("safmn", scale, found), "SAFMN", size=(16, 24))


def dncnn(root):
    for seed, (name, channels, told, features, convs, norm) in enumerate([
        ("grey", 1, False, 8, 8, False), ("colour", 3, False, 12, 10, False), ("norm", 1, False, 8, 6, True),
        ("told-grey", 1, True, 8, 9, False), ("told-colour", 3, True, 8, 8, False),
        ("told-colour-wide", 3, True, 12, 10, False),
    ], start=470):
        net = DnCNN(
            in_nc=channels + told, out_nc=channels, nc=features, nb=convs, act_mode="BR" if norm else "R",
            mode="FDnCNN" if told else "DnCNN",
        )
        found = {"features": features, "convs": convs, "norm": norm, "noise-level": told}
        make_network_case(root / name, net, seed, expect("dncnn", 1, found, channels), "DnCNN", beside=int(told))


def drunet(root):
    for seed, (name, channels, widths, blocks) in enumerate([
        ("grey", 1, [4, 6, 8, 10], 2), ("colour", 3, [4, 8, 12, 16], 2), ("deep", 3, [4, 4, 6, 6], 3),
    ], start=480):
        net = DRUNet(in_nc=channels + 1, out_nc=channels, nc=list(widths), nb=blocks)
        found = {"features": "-".join(map(str, widths)), "blocks": blocks}
        make_network_case(root / name, net, seed, expect("drunet", 1, found, channels), "DRUNet", size=(16, 24), beside=1)


@contextmanager
def narrower(sizes):
    """Lets spandrel build and load networks whose sizes it does not let choose: a layer of `key` channels gets `value`."""

    def narrowed(layer):
        class Narrowed(layer):
            def __init__(self, in_channels, out_channels, *rest, **named):
                super().__init__(sizes.get(in_channels, in_channels), sizes.get(out_channels, out_channels), *rest, **named)

        return Narrowed

    names = ("Conv2d", "ConvTranspose2d", "Linear")
    with mock.patch.multiple(torch.nn, **{name: narrowed(getattr(torch.nn, name)) for name in names}):
        yield


CUGAN_SIZES = {8: 2, 16: 2, 32: 4, 64: 8, 128: 16, 256: 32}


def real_cugan(root):
    fewer = lambda: narrower(CUGAN_SIZES)
    for seed, (name, build, scale, channels, options) in enumerate([
        ("x2", UpCunet2x, 2, 3, {}),
        ("x2-pro", UpCunet2x, 2, 3, {"pro": True}),
        ("x3", UpCunet3x, 3, 3, {}),
        ("x4", UpCunet4x, 4, 3, {}),
        ("x4-pro", UpCunet4x, 4, 3, {"pro": True}),
        ("x2-fast", UpCunet2x_fast, 2, 3, {}),
        ("x2-grey", UpCunet2x, 2, 1, {}),
        ("x2-odd-size", UpCunet2x, 2, 3, {}),
        ("x3-odd-size", UpCunet3x, 3, 3, {}),
        ("x4-pro-odd-size", UpCunet4x, 4, 3, {"pro": True}),
        ("x2-fast-odd-size", UpCunet2x_fast, 2, 3, {}),
        ("x3-pro", UpCunet3x, 3, 3, {"pro": True}),
    ], start=500):
        with fewer():
            net = build(in_channels=channels, out_channels=channels, **options)
        found = {"fast": build is UpCunet2x_fast, "pro": "pro" in options}
        last = net.conv_final if hasattr(net, "conv_final") else net.unet2.conv_bottom
        wanted = expect("real-cugan", scale, found, channels)
        size = (40, 44) if found["fast"] else (20, 24)
        if name.endswith("odd-size"):
            # Networks of the fast kind take sides that are a row short of a multiple of four.
            size = (size[0] + 7, size[1] + 3) if found["fast"] else (size[0] + 5, size[1] + 3)
        make_network_case(root / name, net, seed, wanted, "RealCUGAN", size=size, last=last, loading=fewer)


def nafnet(root):
    for seed, (name, channels, features, encoders, middle, decoders) in enumerate([
        ("colour", 3, 4, [1, 2], 1, [1, 1]), ("grey", 1, 8, [1], 2, [2]), ("deep", 3, 4, [1, 1, 1], 1, [1, 1, 1]),
        ("odd-size", 3, 4, [1, 1], 1, [1, 1]),
    ], start=510):
        net = NAFNet(
            img_channel=channels, width=features, middle_blk_num=middle, enc_blk_nums=encoders, dec_blk_nums=decoders
        )
        counts = ["-".join(map(str, counts)) for counts in (encoders, decoders)]
        found = {"features": features, "encoders": counts[0], "middle": middle, "decoders": counts[1]}
        size = (17, 22) if name == "odd-size" else (16, 24)
        make_network_case(root / name, net, seed, expect("nafnet", 1, found, channels), "NAFNet", size=size, last=net.ending)


def moesr(root):
    defaults = {"dim": 8, "n_blocks": 1, "n_block": 2, "expansion_factor": 1.5, "upsample_dim": 6}
    found = {
        "features": 8, "groups": 1, "blocks": 2, "hidden": 12, "hidden-at-half-size": 12,
        "upsampler": "pixelshuffledirect",
    }
    for seed, (name, scale, options, differing) in enumerate([
        ("x4", 4, {}, {}),
        ("x2-wide", 2, {"expansion_factor": 2.0, "expansion_msg": 1.25, "n_blocks": 2},
         {"hidden": 16, "hidden-at-half-size": 10, "groups": 2}),
        ("x1", 1, {"n_block": 1}, {"blocks": 1, "upsampler": "conv"}),
        ("x4-shuffle", 4, {"upsampler": "pixelshuffle"}, {"upsampler": "pixelshuffle"}),
        ("x3-shuffle", 3, {"upsampler": "pixelshuffle"}, {"upsampler": "pixelshuffle"}),
        ("x4-nearest", 4, {"upsampler": "nearest+conv"}, {"upsampler": "nearest+conv"}),
        ("x2-nearest", 2, {"upsampler": "nearest+conv"}, {"upsampler": "nearest+conv"}),
        ("x2-dysample", 2, {"upsampler": "dysample"}, {"upsampler": "dysample"}),
    ], start=520):
        net = MoESR(**{**defaults, "scale": scale, **options})
        last = [layer for layer in net.upscale if isinstance(layer, torch.nn.Conv2d)][-1:] or [net.upscale[0].end_conv]
        wanted = expect("moesr", scale, {**found, **differing})
        make_network_case(root / name, net, seed, wanted, "MoESR", last=last[0])


def dctlsa(root):
    for seed, (name, scale, features, channels) in enumerate(
        [("x4", 4, 10, 3), ("x2", 2, 5, 3), ("x3-grey", 3, 5, 1)], start=540
    ):
        net = DCTLSA(in_nc=channels, out_nc=channels, nf=features, upscale=scale)
        quiet = ["attn.proj.weight", "fc2.weight", "pointwise_conv_1.weight", "qkv.weight"]
        wanted = expect("dctlsa", scale, {"features": features}, channels)
        make_network_case(root / name, net, seed, wanted, "DCTLSA", size=(16, 16) if features == 10 else (16, 32), quiet=quiet)


def fbcnn(root):
    fewer = lambda: narrower({512: 12})
    for seed, (name, channels, widths, blocks) in enumerate([
        ("colour", 3, [4, 6, 8, 12], 2), ("grey", 1, [4, 4, 8, 12], 2), ("deep", 3, [4, 4, 4, 12], 3),
        ("odd-size", 3, [4, 4, 8, 12], 2),
    ], start=530):
        with fewer():
            net = FBCNN(in_nc=channels, out_nc=channels, nc=list(widths), nb=blocks)
        found = {"features": "-".join(map(str, widths)), "blocks": blocks}
        wanted = expect("fbcnn", 1, found, channels)
        size = (19, 29) if name == "odd-size" else (16, 24)
        make_network_case(root / name, net, seed, wanted, "FBCNN", size=size, last=net.m_tail, loading=fewer)


def seemore(root):
    for seed, (name, scale, features, layers, experts, kernel) in enumerate(
        [("x4", 4, 8, 2, 3, 11), ("x2", 2, 12, 1, 4, 5), ("x1-one-expert", 1, 8, 1, 1, 7)], start=550
    ):
        net = SeemoRe(
            scale=scale, embedding_dim=features, num_layers=layers, num_experts=experts, global_kernel_size=kernel
        )
        found = {"features": features, "layers": layers, "experts": experts, "kernel": kernel}
        wanted = expect("seemore", scale, found)
        make_network_case(root / name, net, seed, wanted, "SeemoRe", size=(16, 32), last=net.upsampler[0])


def mm_realsr(root):
    # The layers between have (512 + 2 * features) / 2 channels.
    fewer = lambda: narrower({512: 16, 260: 10, 264: 12})
    for seed, (name, features, blocks, growth, degradations) in enumerate(
        [("x4", 8, 1, 4, 2), ("x4-two-blocks", 4, 2, 4, 2), ("x4-one-degradation", 8, 1, 8, 1), ("x4-odd-size", 4, 1, 4, 1)], start=560
    ):
        with fewer():
            net = MMRealSR(
                num_in_ch=3, num_out_ch=3, num_feat=features, num_block=blocks, num_grow_ch=growth,
                num_degradation=degradations, num_feats=[4, 6, 8], num_blocks=[1, 2, 1], downscales=[2, 2, 1],
            )
        found = {"features": features, "blocks": blocks, "growth": growth, "degradations": degradations}
        wanted = expect("mm-realsr", 4, found)
        size = (17, 23) if name.endswith("odd-size") else (16, 20)
        make_network_case(root / name, net, seed, wanted, "MMRealSR", size=size, last=net.conv_last, loading=fewer)


ARCHITECTURES = [
    plksr, mosr, rcan, swift_srgan, safmn, dncnn, drunet, real_cugan, nafnet, moesr, dctlsa, fbcnn, seemore, mm_realsr,
]
