/* AdaIN, Snake and a convolution over time in one pass. Rows are time steps: (length, channels), float32. */
#ifndef SNAKE_CONV_H
#define SNAKE_CONV_H

#include <stdint.h>

typedef struct {
  const float *rows;     /* (length, channels) */
  const float *gain;     /* (channels): AdaIN's, and Snake's frequency in periods of the squared sine */
  const float *shift;    /* (channels) */
  const float *weights;  /* (products, channels / 16, channels, 16): transformed, in panels of sixteen outputs */
  const float *forward;  /* the transform's matrices, as fast_conv has them */
  const float *backward;
  const float *residual; /* (length, channels), added to the result; or NULL */
  float *out;            /* (length, channels) */
  float *moments;        /* room for num_chunks(length) * 2 * channels, then mean and scale: 2 * channels */
  int64_t length;
  int channels; /* a multiple of 16; as many outputs as inputs */
  int tile;     /* 8, 16 or 32 samples, for 3, 7 or 11 taps */
  int taps;
  int dilation;
  int spans_per_batch; /* set by snake_conv_batches */
} SnakeConv;

/* First each chunk's moments, then, alone, what they make together, then each batch: chunks and batches in any order,
   by any thread. A thread that runs out of memory returns nonzero. */
int64_t snake_conv_chunks(const SnakeConv *c);
void snake_conv_moments(const SnakeConv *c, int64_t chunk);
void snake_conv_normalise(const SnakeConv *c);
int64_t snake_conv_batches(SnakeConv *c);
int snake_conv_batch(const SnakeConv *c, int64_t batch);

/* Before anything else, as often as one likes. Returns nonzero if it cannot be. */
int snake_conv_initialise(void);

#endif
