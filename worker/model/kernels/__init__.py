"""Kernels of ours for processors, in C: the residual blocks of the generator in one pass (docs/adr/0013).

``snake_conv`` is the arithmetic, ``onnx_op`` makes it an operator of ONNX Runtime's, ``compile`` turns both into a
library beside the graph that uses it. The reference is ``worker/model/graph/residual.py`` in plain operators.
"""
