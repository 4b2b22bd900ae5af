"""Kokoro-82M as an ONNX graph, written node by node from the state dict.

Read in this order: ``builder`` (names, constants, weights), ``layers``, then the network from text to sound:
``text``, ``prosody``, ``decoder``, ``source``, ``generator``, ``spectral``. Everything is for one utterance at a
time: the batch axis is always 1, so nothing needs a mask.
"""
