"""Golden cases of ONNX operators: graphs of a few nodes, and what onnxruntime answers to one picture."""

import numpy as np
import onnx
from onnx import numpy_helper, parser

from onnx_files import run

PICTURE = (1, 4, 10, 12)


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype(np.float32)


def ints(*values):
    return np.array(values, dtype=np.int64)


def floats(*values):
    return np.array(values, dtype=np.float32)


# The axes and the half sizes of the picture, as exporters compute them.
SIZES = "s = Shape(x) i2 = Constant<value_ints=[2]>() i3 = Constant<value_ints=[3]>() h = Gather(s, i2) w = Gather(s, i3)"

# Name: version of the operators, nodes from x to y, learned numbers.
CASES = {
    "activations-a": (17, "a = Elu<alpha=0.7>(x) b = HardSigmoid<alpha=0.3,beta=0.4>(a) c = LeakyRelu<alpha=0.2>(b) y = Tanh(c)", {}),
    "activations-b": (20, 'a = Gelu(x) b = Gelu<approximate="tanh">(a) c = Mish(b) y = HardSwish(c)', {}),
    "activations-c": (17, "a = Softplus(x) b = Log(a) c = Sigmoid(b) d = Erf(c) e = Exp(d) y = Sqrt(e)", {}),
    "activations-d": (17, "a = Abs(x) b = Neg(a) c = Sin(b) d = Cos(c) e = Relu(x) f = Add(d, e) y = Reciprocal(f)", {}),
    "arithmetic": (17, "a = Sub(x, c) b = Div(a, d) e = Mul(b, x) f = Max(e, x, c) g = Min(f, d) y = Sum(f, g, e)", {"c": numbers(4, 1, 1), "d": floats(1.5)}),
    "mean-of-values": (17, "y = Mean(x, c)", {"c": numbers(4, 1, 1)}),
    "powers": (17, "a = Abs(x) b = Pow(a, two) c = Pow(a, half) d = Pow(a, odd) e = Add(b, c) y = Add(d, e)", {"two": floats(2), "half": floats(0.5), "odd": floats(1.3)}),
    "rounding": (17, "a = Mul(x, c) b = Floor(a) d = Ceil(a) e = Mul(b, c) y = Add(e, d)", {"c": floats(3.3)}),
    "clip": (17, "a = Clip(x, low) b = Clip(x, , high) c = Clip(x, low, high) d = Add(a, b) y = Add(c, d)", {"low": np.float32(-0.3), "high": np.float32(0.4)}),
    "clip-above-zero": (13, "y = Clip(x, low)", {"low": np.float32(0)}),
    "prelu": (17, "a = PRelu(x, each) y = PRelu(a, one)", {"each": numbers(4, 1, 1), "one": floats(0.3)}),
    "prelu-by-computed-slopes": (18, "s = ReduceMean(x, ax) y = PRelu(x, s)", {"ax": ints(2, 3)}),
    "conv": (17, "y = Conv<pads=[1,0,2,1],strides=[2,1],dilations=[1,2]>(x, w, b)", {"w": numbers(6, 4, 3, 2), "b": numbers(6)}),
    "conv-groups": (11, "a = Conv<group=4,pads=[1,1,1,1]>(x, w) y = Conv<group=2>(a, v)", {"w": numbers(4, 1, 3, 3), "v": numbers(6, 2, 1, 1)}),
    "conv-same": (17, 'a = Conv<auto_pad="SAME_UPPER">(x, w) y = Conv<auto_pad="SAME_LOWER">(a, w)', {"w": numbers(4, 4, 2, 4)}),
    "conv-computed-weight": (17, "n = ReduceL2<axes=[1,2,3],keepdims=1>(v) u = Div(v, n) w = Mul(u, g) y = Conv(x, w)", {"v": numbers(5, 4, 3, 3), "g": numbers(5, 1, 1, 1)}),
    "conv-transpose": (17, "y = ConvTranspose<strides=[2,3],pads=[1,0,0,1],output_padding=[1,0],dilations=[1,2]>(x, w, b)", {"w": numbers(4, 3, 3, 2), "b": numbers(3)}),
    "conv-transpose-groups": (17, "y = ConvTranspose<strides=[2,2],pads=[1,1,1,1],group=2>(x, w)", {"w": numbers(4, 2, 4, 4)}),
    "depth-to-space": (17, 'a = DepthToSpace<blocksize=2,mode="DCR">(z) b = DepthToSpace<blocksize=2,mode="CRD">(z) y = Sub(a, b) z = Conv(x, w)', {"w": numbers(12, 4, 1, 1)}),
    "space-to-depth": (17, "y = SpaceToDepth<blocksize=2>(x)", {}),
    "pixels-by-reshape": (17, "c = Reshape(x, cut) t = Transpose<perm=[0,1,4,2,5,3]>(c) f = Concat<axis=0>(one, one, h2, w2) y = Reshape(t, f) " + SIZES + " h2 = Mul(h, two) w2 = Mul(w, two) ch = Concat<axis=0>(one, one, two, two, h, w) cut = Identity(ch)", {"one": ints(1), "two": ints(2)}),
    "channels-by-reshape": (17, SIZES + " h2 = Div(h, two) w2 = Div(w, two) cut = Concat<axis=0>(one, four, h2, two, w2, two) c = Reshape(x, cut) t = Transpose<perm=[0,1,3,5,2,4]>(c) f = Concat<axis=0>(one, sixteen, h2, w2) y = Reshape(t, f)", {"one": ints(1), "two": ints(2), "four": ints(4), "sixteen": ints(16)}),
    "windows-and-back": (17, SIZES + " h2 = Div(h, two) w2 = Div(w, two) cut = Concat<axis=0>(one, four, h2, two, w2, two) c = Reshape(x, cut) t = Transpose<perm=[0,2,4,3,5,1]>(c) tokens = Reshape(t, flat) n = Softmax(tokens) back = Concat<axis=0>(one, h2, w2, two, two, four) r = Reshape(n, back) u = Transpose<perm=[0,5,1,3,2,4]>(r) y = Reshape(u, s)", {"one": ints(1), "two": ints(2), "four": ints(4), "flat": ints(-1, 4, 4)}),
    "tokens": (17, "a = Flatten<axis=2>(x) b = Unsqueeze(a, one) c = Transpose<perm=[1,0,2]>(d) d = Reshape(e, keep) e = Squeeze(b, one) y = Squeeze(f, last) f = Unsqueeze(c, last)", {"one": ints(1), "keep": ints(2, 2, -1), "last": ints(-1)}),
    "axes-in-attributes": (11, "a = Unsqueeze<axes=[0,3]>(x) b = Squeeze<axes=[0,3]>(a) c = ReduceSum<axes=[1]>(b) d = Softmax<axis=1>(x) y = Mul(c, d)", {}),
    "resize-nearest": (13, 'y = Resize<mode="nearest",coordinate_transformation_mode="asymmetric",nearest_mode="floor">(x, , s)', {"s": floats(1, 1, 2, 3)}),
    "resize-nearest-half-pixel": (13, 'a = Resize<mode="nearest">(x, , s) y = Resize<mode="nearest",coordinate_transformation_mode="asymmetric",nearest_mode="floor">(a, , t)', {"s": floats(1, 1, 3, 3), "t": floats(1, 1, 0.5, 0.5)}),
    "resize-linear": (13, 'y = Resize<mode="linear",coordinate_transformation_mode="pytorch_half_pixel">(x, , s)', {"s": floats(1, 1, 2, 2)}),
    "resize-linear-smaller": (13, 'y = Resize<mode="linear">(x, , s)', {"s": floats(1, 1, 0.5, 0.5)}),
    "resize-linear-corners": (13, 'y = Resize<mode="linear",coordinate_transformation_mode="align_corners">(x, , s)', {"s": floats(1, 1, 2, 2)}),
    "resize-cubic": (13, 'y = Resize<mode="cubic",coordinate_transformation_mode="half_pixel",cubic_coeff_a=-0.5>(x, , s)', {"s": floats(1, 1, 2, 2)}),
    "resize-antialias": (18, 'y = Resize<mode="linear",antialias=1,exclude_outside=1>(x, , s)', {"s": floats(1, 1, 0.5, 0.5)}),
    "resize-by-axes": (18, 'y = Resize<mode="linear",axes=[2,3]>(x, , s)', {"s": floats(2, 3)}),
    "resize-to-computed-sizes": (17, SIZES + ' h3 = Mul(h, k) w3 = Mul(w, k) o = Slice(s, zero, k2) t = Concat<axis=0>(o, h3, w3) y = Resize<mode="nearest",coordinate_transformation_mode="asymmetric",nearest_mode="floor">(x, , , t)', {"k": ints(3), "zero": ints(0), "k2": ints(2)}),
    "resize-to-another-value": (17, 'p = MaxPool<kernel_shape=[3,3],strides=[3,3]>(x) s = Shape(x) y = Resize<mode="linear",coordinate_transformation_mode="half_pixel">(p, , , s)', {}),
    "pools": (17, "a = MaxPool<kernel_shape=[3,2],strides=[1,2],pads=[1,0,1,0]>(x) b = AveragePool<kernel_shape=[3,1],pads=[1,0,1,0]>(a) c = AveragePool<kernel_shape=[3,3],pads=[1,1,1,1],count_include_pad=1>(b) g = GlobalAveragePool(c) m = GlobalMaxPool(c) d = Mul(c, g) y = Add(d, m)", {}),
    "reductions": (18, "a = ReduceMean<keepdims=1>(x, ax) b = ReduceMax(x, c1) c = ReduceMin(x, c1) d = ReduceSumSquare(x, ax) e = ReduceL2(x, ax) f = ReduceSum<keepdims=0>(x, c1) g = Add(a, b) k = Add(c, d) l = Add(e, g) m = Add(k, l) n = Unsqueeze(f, c1) y = Add(m, n)", {"ax": ints(2, 3), "c1": ints(1)}),
    "reductions-in-attributes": (13, "a = ReduceMean<axes=[-1]>(x) b = ReduceMax<axes=[1]>(x) c = ReduceMean(x) d = Add(a, b) y = Add(c, d)", {}),
    "batch-norm": (17, "y = BatchNormalization<epsilon=0.001>(x, s, b, m, v)", {"s": numbers(4), "b": numbers(4, seed=2), "m": numbers(4, seed=3), "v": np.abs(numbers(4, seed=4)) + 0.5}),
    "instance-norm": (17, "y = InstanceNormalization(x, s, b)", {"s": numbers(4), "b": numbers(4, seed=2)}),
    "group-norm": (21, "y = GroupNormalization<num_groups=2>(x, s, b)", {"s": numbers(4), "b": numbers(4, seed=2)}),
    "layer-norm": (17, "t = Transpose<perm=[0,2,3,1]>(x) n = LayerNormalization(t, s, b) y = Transpose<perm=[0,3,1,2]>(n)", {"s": numbers(4), "b": numbers(4, seed=2)}),
    "matrices": (17, "t = Transpose<perm=[0,2,3,1]>(x) a = MatMul(t, m) b = MatMul(a, v) c = Unsqueeze(b, one) d = MatMul(row, t) e = Add(a, d) y = Add(c, x) f = Identity(e)", {"m": numbers(4, 4), "v": numbers(4), "one": ints(1), "row": numbers(1, 1, 1)}),
    "gemm": (17, "g = GlobalAveragePool(x) f = Flatten(g) a = Gemm<transB=1,alpha=0.5,beta=2.0>(f, m, b) u = Unsqueeze(a, ax) y = Mul(x, u)", {"m": numbers(4, 4), "b": numbers(4), "ax": ints(2, 3)}),
    "softmax": (17, "a = Softmax<axis=1>(x) b = Softmax(x) y = Add(a, b)", {}),
    "slices": (17, "a = Slice(x, s1, e1, ax, st) b = Slice(x, s2, e2) c = Slice(a, s3, e3, last) p = ReduceMean<axes=[2,3]>(b) y = Add(c, p)", {"s1": ints(1, -9), "e1": ints(9223372036854775807, -2), "ax": ints(2, 3), "st": ints(2, 1), "s2": ints(0, 0), "e2": ints(1, 4), "s3": ints(2), "e3": ints(5), "last": ints(-1)}),
    "slice-backwards": (17, "y = Slice(x, s, e, ax, st)", {"s": ints(-1), "e": ints(-9223372036854775807), "ax": ints(1), "st": ints(-1)}),
    "slice-to-computed-ends": (17, SIZES + " h4 = Sub(h, four) y = Slice(x, two, h4, two)", {"four": ints(4), "two": ints(2)}),
    "roll": (17, "a = Slice(x, two, big, two) b = Slice(x, zero, two, two) y = Concat<axis=2>(a, b)", {"two": ints(2), "zero": ints(0), "big": ints(2**62)}),
    "split": (17, "a, b, c = Split<axis=1>(x, p) d = Mul(b, c) y = Concat<axis=1>(d, a)", {"p": ints(2, 1, 1)}),
    "split-evenly": (18, "a, b = Split<axis=1,num_outputs=2>(x) y = Sub(a, b)", {}),
    "split-in-attribute": (11, "a, b = Split<axis=1,split=[1,3]>(x) y = Mul(a, b)", {}),
    "gather": (17, "a = Gather<axis=1>(x, list) b = Gather<axis=1>(x, one) c = Gather<axis=3>(x, last) d = Unsqueeze(b, ax) e = Unsqueeze(c, end) f = Add(a, d) y = Add(f, e) z = Identity(y)", {"list": ints(3, 0, 0, -2), "one": np.int64(1), "last": np.int64(-1), "ax": ints(1), "end": ints(3)}),
    "pads": (17, 'a = Pad(x, p, v) b = Pad<mode="reflect">(a, q) y = Pad<mode="edge">(b, q)', {"p": ints(0, 1, 2, 0, 0, 0, 1, 3), "q": ints(0, 0, 1, 2, 0, 0, 2, 1), "v": np.float32(0.7)}),
    "pad-by-axes": (18, "y = Pad(x, p, , ax)", {"p": ints(1, 2), "ax": ints(-1)}),
    "pad-that-cuts": (17, "y = Pad(x, p)", {"p": ints(0, 0, -1, 1, 0, 0, 2, -3)}),
    "pad-around": (19, 'y = Pad<mode="wrap">(x, p)', {"p": ints(0, 0, 1, 2, 0, 0, 2, 1)}),
    "expand": (17, "s = Shape(x) m = ReduceMean<axes=[1,2]>(x) a = Expand(m, s) t = Tile(m, n) y = Add(a, t)", {"n": ints(1, 1, 1, 1)}),
    "tile": (17, "y = Tile(x, n)", {"n": ints(1, 2, 1, 3)}),
    "grid-sample": (16, 'c = Conv(x, w) g = Transpose<perm=[0,2,3,1]>(c) t = Tanh(g) y = GridSample<mode="bilinear",padding_mode="border",align_corners=0>(x, t)', {"w": numbers(2, 4, 1, 1)}),
    "grid-sample-zeros": (16, 'c = Conv(x, w) g = Transpose<perm=[0,2,3,1]>(c) y = GridSample<mode="bicubic",padding_mode="zeros",align_corners=1>(x, g)', {"w": numbers(2, 4, 1, 1)}),
    "coordinates": (17, SIZES + " hs = Squeeze(h) ws = Squeeze(w) r = Range(zero, hs, one) c = Range(zero, ws, one) rf = Cast<to=1>(r) cf = Cast<to=1>(c) r2 = Unsqueeze(rf, ax) a = Add(x, cf) k = Div(r2, ten) m = Mul(k, x) y = Add(a, m)", {"zero": np.int64(0), "one": np.int64(1), "ax": ints(1), "ten": floats(10)}),
    "one-over-the-width": (17, SIZES + " f = Cast<to=1>(w) r = Reciprocal(f) y = Mul(x, r)", {}),
    "computed-size-of-ones": (17, SIZES + " d = Concat<axis=0>(one, one, h, w) o = ConstantOfShape<value=float[1]{0.5}>(d) c = Concat<axis=1>(x, o) q = ConstantOfShape(four) n = CastLike(q, c) k = Unsqueeze(n, ax) y = Sub(c, k)", {"one": ints(1), "four": ints(5, 1), "ax": ints(-1)}),
    "put-in-place": (17, "s = Shape(x) n = Size(s) f = Cast<to=1>(n) p = Slice(x, c0, c2, c1) q = Mul(p, f) y = ScatterND(x, places, q)", {"c0": ints(0), "c1": ints(1), "c2": ints(2), "places": np.array([[[0, 0], [0, 1]]], dtype=np.int64)}),
    "size-arithmetic": (17, SIZES + " a = Mod(h, four) b = Greater(a, one) l = Less(a, one) q = Equal(l, b) g = GreaterOrEqual(h, one) e = LessOrEqual(w, one) o = Or(g, e) n = And(o, g) k = Not(q) m = And(n, k) t = Where(m, one, four) p = ReduceProd(t) f = Round(z) u = Cast<to=7>(f) v = Mul(p, u) d = Concat<axis=0>(zero, zero, zero, v) pads = Concat<axis=0>(zero, zero, zero, zero, d) y = Pad(x, pads)", {"four": ints(1), "one": ints(2), "zero": ints(0), "z": floats(2.6)}),
    "choice": (17, "y = Where(c, x, b)", {"c": np.array([[[True]], [[False]], [[False]], [[True]]]), "b": floats(0.25)}),
    "sum-of-products": (17, 'a = Einsum<equation="bchw,bcHw->bHhc">(x, x) b = Einsum<equation="bHhc, oc -> boHh">(a, m) c = Einsum<equation="bchw,c->bcw">(x, v) d = Unsqueeze(c, ax) e = ReduceMean<axes=[2,3]>(b) y = Mul(d, e)', {"m": numbers(4, 4), "v": numbers(4), "ax": ints(2)}),
    "signs": (17, "s = Sign(c) y = Mul(x, s)", {"c": np.array([[[1.5]], [[-2]], [[0]], [[0.5]]], dtype=np.float32)}),
    "largest-of-a-few": (17, "a, i = TopK<axis=1>(x, k2) b, j = TopK<axis=1,largest=0>(x, k3) c, m = TopK<axis=-3>(x, k1) d = Slice(b, zero, k2, one) e = Add(a, c) y = Mul(e, d)", {"k1": ints(1), "k2": ints(2), "k3": ints(3), "zero": ints(0), "one": ints(1)}),
    "dropout": (17, "a = Dropout(x) y = Relu(a)", {}),
}


def make(root):
    root.mkdir(parents=True)
    picture = np.random.default_rng(7).normal(size=PICTURE).astype(np.float32)
    np.save(root / "input.npy", picture)
    for name, (opset, nodes, learned) in CASES.items():
        model = graph(opset, nodes, learned)
        try:
            output = run(model, picture)
        except Exception as error:
            raise SystemExit(f"{name}: {error}") from error
        assert np.isfinite(output).all(), name
        onnx.save(model, root / f"{name}.onnx")
        np.save(root / f"{name}.npy", output.astype(np.float32))
    print(f"onnx/ops: {len(CASES)} cases")


def graph(opset, nodes, learned):
    text = f'<ir_version: 8, opset_import: ["" : {opset}]> g (float[1,4,H,W] x) => (float y) {{ {nodes} }}'
    model = parser.parse_model(text)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in learned.items())
    sort(model.graph)
    return model


def sort(graph):
    """The nodes in an order in which they can run; what nothing needs is left out."""
    known = {"", "x"} | {tensor.name for tensor in graph.initializer}
    maker = {name: node for node in graph.node for name in node.output}
    order, done = [], set()

    def visit(name):
        if name in known or name in done:
            return
        node = maker[name]
        for other in node.input:
            visit(other)
        done.update(node.output)
        order.append(node)

    visit("y")
    del graph.node[:]
    graph.node.extend(order)
