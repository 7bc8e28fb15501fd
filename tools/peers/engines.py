"""The engines. Each is opened for one network and then asked to prepare an input; what it returns computes the output."""

import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Engine:
    """`exact` engines multiply and add in 32 bits and must come closer to the truth; `environment` is set before the engine starts."""

    name: str
    exact: bool
    library: str
    options: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)

    @property
    def is_avx2(self):
        return self.name.endswith("avx2")


# ncnn picks its kernels by CPUID, and no option or variable restricts it. Who wants to compare with AVX2 builds ncnn into this
# folder without AVX-512, from the source of the same release:
#     EXTRA_CMAKE_ARGS=-DNCNN_AVX512=OFF pip install --no-deps --target FOLDER SOURCE
# (The source package calls itself after the day on which it is built, so that pip refuses its version: unpack it first.)
NCNN_AVX2 = Path(sys.prefix, "ncnn-avx2")

PEERS = [
    Engine("ncnn fp32", True, "ncnn"),
    Engine("ncnn bf16", False, "ncnn", {"use_bf16_storage": True}),
    Engine("onnxruntime fp32", True, "onnxruntime"),
    Engine("openvino fp32", True, "openvino", {"INFERENCE_PRECISION_HINT": "f32"}),
    Engine("openvino bf16", False, "openvino", {"INFERENCE_PRECISION_HINT": "bf16"}),
    Engine("torch fp32", True, "torch", {"dtype": "float32"}),
    Engine("torch bf16", False, "torch", {"dtype": "bfloat16"}),
    Engine("torch-compile bf16", False, "torch", {"dtype": "bfloat16", "compile": True}),
    Engine("ncnn fp32 avx2", True, "ncnn", environment={"PYTHONPATH": str(NCNN_AVX2)}),
    Engine("torch fp32 avx2", True, "torch", {"dtype": "float32"}, {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}),
]
# Engines that run only when they are named: torch.compile takes minutes for each network, ncnn has to be built for AVX2.
OPTIONAL = {"torch-compile bf16", "amplio full"} | (set() if NCNN_AVX2.is_dir() else {"ncnn fp32 avx2"})


# What all are held against.
TRUTH = Engine("torch fp64", True, "torch", {"dtype": "float64"})


def open_engine(engine, net, threads):
    """Returns `prepare`: from an array (1, C, H, W) to a function without arguments that returns the output array."""
    libraries = {"ncnn": _ncnn, "onnxruntime": _onnxruntime, "openvino": _openvino, "torch": _torch}
    return libraries[engine.library](net, threads, engine.options)


def _ncnn(net, threads, options):
    import ncnn
    import numpy as np

    network = ncnn.Net()
    network.opt.num_threads = threads
    for name, value in options.items():
        setattr(network.opt, name, value)
    assert network.load_param(str(net.param)) == 0
    assert network.load_model(str(net.ncnn.with_suffix(".bin"))) == 0
    source, result = network.input_names()[0], network.output_names()[0]

    def prepare(array):
        picture = ncnn.Mat(array[0]).clone()

        def compute():
            extractor = network.create_extractor()
            extractor.input(source, picture)
            status, output = extractor.extract(result)
            assert status == 0
            return np.array(output)[None]

        return compute

    return prepare


def _onnxruntime(net, threads, _options):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(net.onnx, options, providers=["CPUExecutionProvider"])
    return lambda array: lambda: session.run(None, {"input": array})[0]


def _openvino(net, threads, options):
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", **options}

    def prepare(array):
        model = core.read_model(net.onnx)
        model.reshape(array.shape)
        request = core.compile_model(model, "CPU", settings).create_infer_request()
        return lambda: request.infer({0: array})[0]

    return prepare


def _torch(net, threads, options):
    import torch

    from nets import torch_module

    torch.set_num_threads(threads)
    dtype = getattr(torch, options["dtype"])
    module = torch_module(net, dtype).to(memory_format=torch.channels_last)
    if options.get("compile"):
        module = torch.compile(module)

    def prepare(array):
        picture = torch.from_numpy(array).to(dtype, memory_format=torch.channels_last)

        def compute():
            with torch.inference_mode():
                return module(picture)

        return compute

    return prepare
