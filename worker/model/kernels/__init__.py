"""Kernels of ours. Each has its reference in plain operators.

For processors, in C: the residual blocks of the generator in one pass (docs/adr/0013). ``snake_conv`` is the
arithmetic, ``onnx_op`` makes it an operator of ONNX Runtime's, ``compile`` turns both into a library beside the graph
that uses it; the reference is ``worker/model/graph/residual.py``. For GPUs, in Triton: norm, activation and sum
(docs/adr/0014). ``adain_gpu`` calls what ``adain_triton`` has; the reference is ``worker/model/network/adain.py``.
"""
