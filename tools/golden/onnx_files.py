"""Exports networks as ONNX files, changes how their numbers are stored, and runs them with onnxruntime."""

import contextlib
import io
import logging
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(3)
logging.disable(logging.WARNING)


def export(net, picture, opset=17, dynamo=False, multiple=1, open_sides=True):
    """The network as an ONNX model whose height and width are open, or else those of the picture."""
    with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        if dynamo:
            return _dynamo(net, picture, multiple)
        file = io.BytesIO()
        names = {"input_names": ["input"], "output_names": ["output"]}
        sides = {2: "height", 3: "width"}
        axes = {"input": sides, "output": sides} if open_sides else None
        torch.onnx.export(net, (picture,), file, opset_version=opset, dynamic_axes=axes, dynamo=False, **names)
    return onnx.load_from_string(file.getvalue())


def _dynamo(net, picture, multiple):
    height, width = (multiple * torch.export.Dim(name, min=4, max=1024) for name in ("height", "width"))
    program = torch.onnx.export(net, (picture,), dynamo=True, dynamic_shapes=({2: height, 3: width},), verbose=False)
    model = program.model_proto
    for node in model.graph.node:
        # Where a node comes from in the source: most of the file, and paths of the machine that made it.
        del node.metadata_props[:]
    for function in model.functions:
        del function.metadata_props[:]
    del model.graph.metadata_props[:]
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        del value.metadata_props[:]
    return without_comments(model)


def without_comments(model):
    del model.graph.value_info[:]
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
    return model


def shortened(model):
    """The same model with short names, which are most of a small network with many nodes."""
    graph = model.graph
    kept = {value.name for value in [*graph.input, *graph.output]}
    names = {name: name for name in kept | {""}}
    for node in graph.node:
        for name in [*node.input, *node.output]:
            names.setdefault(name, f"v{len(names)}")
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
        node.name = ""
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    return model


def stored_as(model, kind, as_list=False):
    """The same model with its float32 initialisers rounded to another type, and cast back where they are read."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values, name = numpy_helper.to_array(tensor), tensor.name
            stored = _tensor(values, name + ".stored", kind)
            if as_list:
                stored = helper.make_tensor(stored.name, kind, values.shape, numpy_helper.to_array(stored).flatten())
            tensor.CopyFrom(stored)
            casts.append(helper.make_node("Cast", [name + ".stored"], [name], to=TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _tensor(values, name, kind):
    if kind == TensorProto.BFLOAT16:
        bits = (values.astype(np.float32).view(np.uint32) + 0x8000 >> 16).astype(np.uint16)
        return TensorProto(name=name, data_type=kind, dims=values.shape, raw_data=bits.tobytes())
    return numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(kind)), name)


def all_half(model):
    """The model as it is published for fast devices, in float16 from input to output; and itself, with rounded numbers."""
    half = onnx.ModelProto()
    half.CopyFrom(model)
    for file, kind in ((half, np.float16), (model, np.float32)):
        constants = [attribute.t for node in file.graph.node for attribute in node.attribute if attribute.HasField("t")]
        for tensor in [*file.graph.initializer, *constants]:
            if tensor.data_type == TensorProto.FLOAT:
                values = numpy_helper.to_array(tensor).astype(np.float16).astype(kind)
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for value in [*half.graph.input, *half.graph.output]:
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    return half, model


def run(model, picture):
    """What onnxruntime answers, without its own rewriting of the graph."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    model = model if isinstance(model, str) else model.SerializeToString()
    runtime = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (output,) = runtime.run(None, {runtime.get_inputs()[0].name: picture})
    return output
