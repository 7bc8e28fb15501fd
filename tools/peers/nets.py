"""The networks: real weights in NCNN's form, as tools/fetch-weights fetches them, and the forms that the other peers read.

`amplio convert` makes safetensors of them, spandrel makes PyTorch modules of those, and PyTorch's exporter makes ONNX of these.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

WEIGHTS = {  # what a network is called here, and what its files are called
    "general": "realesrgan-x4fast",
    "animevideo": "realesr-animevideov3-x4",
    "anime6b": "realesrgan-x4plus-anime",
    "x4plus": "realesrgan-x4plus",
    "span": "spanx4_ch48",
}


@dataclass(frozen=True)
class Net:
    name: str
    ncnn: Path  # of the .param file, without its ending
    made: Path  # of the converted files, without their endings

    @property
    def param(self):
        return self.ncnn.with_suffix(".param")

    @property
    def safetensors(self):
        return self.made.with_suffix(".safetensors")

    @property
    def onnx(self):
        return self.made.with_suffix(".onnx")


def find(name, weights, made):
    return Net(name, Path(weights) / WEIGHTS[name], Path(made) / WEIGHTS[name])


def convert(net, amplio):
    """Makes the files that peers read, unless they are newer than the weights."""
    net.made.parent.mkdir(parents=True, exist_ok=True)
    if is_newer(net.onnx, net.param):
        return
    command = [amplio, "convert", net.param, net.safetensors, "--dtype", "f32", "--overwrite"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    export(net)


def is_newer(made, source):
    return made.exists() and made.stat().st_mtime > source.stat().st_mtime


def torch_module(net, dtype=None):
    """spandrel's module, with convolutions that are trained as several branches merged into one each."""
    from spandrel import ModelLoader

    module = ModelLoader().load_from_file(net.safetensors).model.eval().to(dtype)
    merge_branches(module)
    return module


def merge_branches(module):
    """spandrel merges the branches of SPAN's Conv3XC anew in each run: that is no part of what is to be timed."""
    for name, child in module.named_children():
        if type(child).__name__ == "Conv3XC":
            child.update_params()
            setattr(module, name, child.eval_conv)
        else:
            merge_branches(child)


def export(net):
    import torch

    torch.onnx.export(
        torch_module(net),
        (torch.rand(1, 3, 32, 40),),
        net.onnx,
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {2: "height", 3: "width"}},
        opset_version=17,
        dynamo=False,
    )
