"""Kokoro-82M in torch, for batches: a batch gives every job what it would get alone.

Read in this order: ``network`` (the stages), ``parameters`` (the state dict, laid out for them), ``placement`` and
``packing`` (jobs on one line), ``layers``, ``adain``, ``residual``, then from text to sound: ``text``, ``curves``,
``source`` and ``noise``, ``spectral``, ``vocoder``.

Shapes are (batch, length, channels), "rows", throughout: the same memory that cuDNN calls channels-last, so that no
layout is ever transposed. What lies past a job's own length is never read: ``layers.Region`` masks the input of every
convolution and the statistics of every norm. Nothing waits for the device, nothing makes a tensor on the CPU, and
shapes depend on nothing but the shapes of the inputs, so every stage can be captured in a CUDA graph.

A job's length is counted in units of 25 ms (what durations are in), frames of 12.5 ms, and samples: 1, 2 and 600.
"""
