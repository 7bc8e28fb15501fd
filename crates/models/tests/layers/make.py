"""Writes the cases of tests/layers.rs: lists of NCNN layers without learned numbers, and what NCNN itself answers.

Run it with the Python environment of tools/golden (see tools/golden/setup).
"""

from pathlib import Path

import ncnn
import numpy as np

FOLDER = Path(__file__).parent

CASES = {
    "activations": [
        "HardSwish a 1 1 in a 0=0.3 1=0.4",
        "GELU b 1 1 a b",
        "Swish c 1 1 b c",
        "Mish d 1 1 c d",
        "ELU e 1 1 d e 0=0.7",
        "HardSigmoid f 1 1 e f 0=0.3 1=0.1",
        "TanH g 1 1 f g",
        "Clip h 1 1 g out 0=0.1 1=0.3",
    ],
    "border-and-sum": [
        "Split s 1 2 in a b",
        "Padding p 1 1 a c 0=1 1=2 2=3 3=1 4=2",
        "Crop k 1 1 c d 0=3 1=1 3=-233 4=-233 5=-233 6=1 7=2",
        "Interp i 1 1 d e 0=2 1=2.0 2=2.0",
        "Interp j 1 1 b f 0=1 1=2.0 2=2.0",
        "Pooling q 1 1 f g 0=1 1=3 2=1 3=1 5=1",
        "Eltwise t 2 1 e g h 0=1 -23301=2,0.5,0.25",
        "BinaryOp u 1 1 h out 0=7 1=1 2=0.5",
    ],
    "crop-by-axes": [
        "Padding p 1 1 in c 0=1 1=1 2=1 3=1 4=1",
        "Crop k 1 1 c out -23309=3,1,1,1 -23310=3,3,-1,-1 -23311=3,0,1,2",
    ],
    "gate-of-averages": [
        "Split s 1 2 in a b",
        "Pooling g 1 1 a m 0=1 4=1",
        "Noop n 1 1 m n",
        "BinaryOp o 2 1 b n out 0=2",
    ],
    "largest-of-all": ["Split s 1 2 in a b", "Pooling g 1 1 a m 0=0 4=1", "BinaryOp o 2 1 b m out 0=4"],
    "less-the-mean": [
        "Split s 1 2 in a b",
        "Reduction g 1 1 a m 0=3 1=0 -23303=2,1,2 4=1 5=1",
        "BinaryOp o 2 1 b m out 0=1",
    ],
    "numbers": [
        "BinaryOp z 1 1 in z 0=0 1=1 2=9.5",
        "UnaryOp a 1 1 z a 0=3",
        "BinaryOp b 1 1 a b 0=8 1=1 2=3.0",
        "UnaryOp c 1 1 b c 0=4",
        "BinaryOp d 1 1 c out 0=9 1=1 2=2.0",
    ],
    "pixels-by-colour": ["Reorg r 1 1 in a 0=2 1=1", "PixelShuffle p 1 1 a out 0=2 1=0"],
    "pixels-by-block": ["Reorg r 1 1 in a 0=2 1=0", "PixelShuffle p 1 1 a out 0=2 1=1"],
    "pieces": [
        "Slice s 1 3 in a b c -23300=3,1,-233,-233 1=0",
        "Slice t 1 2 b d e -23302=1,4 1=-2",
        "Concat l 2 1 e d f 0=1",
        "Concat k 3 1 c f a out 0=0",
    ],
    "cropped-like-another": [
        "Padding z 1 1 in z 0=1 1=1 2=1 3=1 4=1",
        "Split s 1 2 z a b",
        "Pooling p 1 1 b c 0=1 1=3 2=1 5=1",
        "Crop m 2 1 a c out 0=2 1=1",
    ],
    "channels-as-tokens": [
        "Reshape q 1 1 in a 0=-1 1=4",
        "Split s 1 4 a b c d e",
        "MatMul m 2 1 b c f 0=1",
        "BinaryOp n 1 1 f g 0=2 1=1 2=0.05",
        "Softmax o 1 1 g h 0=1 1=1",
        "MatMul p 2 1 h d i",
        "BinaryOp u 2 1 e i j 0=0",
        "Permute w 1 1 j k 0=1",
        "LayerNorm x 1 1 k l 0=4 1=1e-5 2=0",
        "Permute y 1 1 l m 0=1",
        "Reduction z 1 1 m n 0=3 1=0 -23303=1,1 4=1 5=1",
        "Reshape r 1 1 n o 0=1 1=1 2=4",
        "Reshape v 1 1 o out 0=1 1=1 2=-1",
    ],
    "turned": [
        "Permute a 1 1 in a 0=1",
        "Permute b 1 1 a b 0=3",
        "Permute c 1 1 b c 0=5",
        "Permute d 1 1 c d 0=2",
        "Permute e 1 1 d out 0=4",
    ],
    "norms": [
        "InstanceNorm a 1 1 in a 0=4 1=1e-4 2=0",
        "GroupNorm b 1 1 a b 0=2 1=4 2=1e-4 3=0",
        "Softmax c 1 1 b out 0=0 1=1",
    ],
    "scaled-by-a-vector": [
        "Split s 1 2 in a b",
        "Pooling g 1 1 a m 0=1 4=1",
        "Flatten f 1 1 m n",
        "Softmax o 1 1 n v 0=0 1=1",
        "Scale k 2 1 b v out 0=-233",
    ],
    "resize-bicubic": ["Interp i 1 1 in out 0=3 1=3.0 2=3.0"],
    "resize-to-corners": ["Interp i 1 1 in out 0=2 1=2.0 2=2.0 6=1"],
}


def answer(param, picture):
    net = ncnn.Net()
    net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = net.opt.use_vulkan_compute = False
    assert net.load_param_mem(param) == 0
    empty = FOLDER / "empty.bin"
    empty.write_bytes(bytes(4))
    net.load_model(str(empty))
    empty.unlink()
    extractor = net.create_extractor()
    extractor.input("in", ncnn.Mat(picture).clone())
    code, output = extractor.extract("out")
    assert code == 0
    return np.array(output)


def main():
    picture = np.random.default_rng(1).normal(size=(4, 10, 12)).astype(np.float32)
    np.save(FOLDER / "input.npy", picture[None])
    for name, layers in CASES.items():
        layers = ["Input in 0 1 in 2=4", *layers]
        values = sum(int(layer.split()[3]) for layer in layers)
        param = "\n".join(["7767517", f"{len(layers)} {values}", *layers]) + "\n"
        (FOLDER / f"{name}.param").write_text(param)
        np.save(FOLDER / f"{name}.npy", answer(param, picture)[None].astype(np.float32))


if __name__ == "__main__":
    main()
