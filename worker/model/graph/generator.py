"""The vocoder, iSTFTNet: features and harmonic source to audio. Nine tenths of all the arithmetic happen here."""

from __future__ import annotations

from worker.model.config import GeneratorConfig
from worker.model.graph.builder import GraphBuilder, Tensor
from worker.model.graph.layers import adain_snake, conv, conv_transpose, leaky_relu
from worker.model.graph.source import harmonic_source
from worker.model.graph.spectral import inverse_spectrum, spectrum


def generator(g: GraphBuilder, features: Tensor, pitch: Tensor, style: Tensor, config: GeneratorConfig) -> Tensor:
    """``Generator`` of kokoro 0.9.4 ``istftnet.py``; Kaneko et al. 2022, "iSTFTNet".

    features: (1, 512, frames); pitch: (1, 1, frames); style: (128,). Returns audio (1, 1, 300 * frames).
    """
    with g.scope("decoder.generator"):
        source = spectrum(g, harmonic_source(g, pitch, config), config.n_fft, config.hop)  # (1, 22, 60 * frames + 1)
        h = features
        for stage in range(len(config.upsample_rates)):
            h = _stage(g, h, source, style, stage=stage, config=config)
        h = conv(g, leaky_relu(g, h, 0.01), "decoder.generator.conv_post")  # (1, 22, 60 * frames + 1)
        bins = config.n_fft // 2 + 1
        magnitude = g.op("Exp", g.slice(h, 0, bins, 1))
        phase = g.op("Sin", g.slice(h, bins, 2 * bins, 1))
        return inverse_spectrum(g, magnitude, phase, config.n_fft, config.hop)


def _stage(g: GraphBuilder, h: Tensor, source: Tensor, style: Tensor, *, stage: int, config: GeneratorConfig) -> Tensor:
    """One upsampling: halve the channels, stretch time by 10 or 6, add the source, refine. Channels first."""
    rate, kernel = config.upsample_rates[stage], config.upsample_kernels[stage]
    last = stage + 1 == len(config.upsample_rates)
    with g.scope(f"decoder.generator.stage.{stage}"):
        stride = 1 if last else config.upsample_rates[stage + 1]
        padding = 0 if last else (stride + 1) // 2
        excitation = conv(g, source, f"decoder.generator.noise_convs.{stage}", stride=stride, padding=padding)
        excitation = _residual_block(g, excitation, style, f"decoder.generator.noise_res.{stage}", config)
        h = leaky_relu(g, h, 0.1)
        h = conv_transpose(g, h, f"decoder.generator.ups.{stage}", stride=rate, padding=(kernel - rate) // 2)
        if last:  # one frame more, as centred frames of the inverse transform need
            h = g.op("Pad", h, g.ints(0, 0, 1, 0, 0, 0), mode="reflect")
        h = g.add(h, excitation)
        num_blocks = len(config.resblock_kernels)
        refined = [
            _residual_block(g, h, style, f"decoder.generator.resblocks.{stage * num_blocks + block}", config)
            for block in range(num_blocks)
        ]
        return g.mul(g.op("Sum", *refined), g.floats(1 / num_blocks))


def _residual_block(g: GraphBuilder, x: Tensor, style: Tensor, module: str, config: GeneratorConfig) -> Tensor:
    """``AdaINResBlock1``, channels first; three steps, a dilated and a plain convolution, each after a Snake."""
    with g.scope(module):
        for step, dilation in enumerate(config.resblock_dilations):
            h = adain_snake(g, x, style, f"{module}.adain1.{step}", f"{module}.alpha1.{step}")
            h = conv(g, h, f"{module}.convs1.{step}", dilation=dilation)
            h = adain_snake(g, h, style, f"{module}.adain2.{step}", f"{module}.alpha2.{step}")
            h = conv(g, h, f"{module}.convs2.{step}")
            x = g.add(x, h)
    return x
