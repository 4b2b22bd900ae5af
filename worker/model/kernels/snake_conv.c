/* A batch of tiles goes through everything while it is in the cache: normalised, through Snake, transformed, one
   product of matrices per transformed sample, transformed back, added to the residual. */
#include "snake_conv.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "transforms.h"

#define ROWS 6             /* of a product at once: with WIDE outputs twelve of the sixteen registers of AVX2 */
#define TILES_PER_BATCH 24 /* by measurement (docs/log.md); a multiple of ROWS */
#define MIN_BATCHES 16     /* below that smaller batches, for threads to share */
#define CHUNK 128          /* rows whose moments are taken at once: they stay in the cache for the second pass */
#define EPSILON 1e-5f      /* layers.NORM_EPS */
#define ALIGNMENT 64       /* a cache line */

/* worker/model/graph/residual.py says where these come from. */
#define SNAKE_GAIN 9.645405f
#define SNAKE_SHIFT (-0.5077199f)
#define SNAKE_OFFSET 0.06569602f

/* -- AdaIN ---------------------------------------------------------------------------------------------------------- */

int64_t snake_conv_chunks(const SnakeConv *c) { return (c->length + CHUNK - 1) / CHUNK; }

static int64_t chunk_rows(const SnakeConv *c, int64_t chunk) {
  int64_t left = c->length - chunk * CHUNK;
  return left < CHUNK ? left : CHUNK;
}

/* Mean, and sum of squared distances from it. Never E[x^2] - E[x]^2: means of a hundred standard deviations occur. */
void snake_conv_moments(const SnakeConv *c, int64_t chunk) {
  const int channels = c->channels;
  const int64_t rows = chunk_rows(c, chunk);
  const float *from = c->rows + chunk * CHUNK * channels;
  float *mean = c->moments + chunk * 2 * channels, *spread = mean + channels;
  for (int at = 0; at < channels; at += WIDE) {
    wide sum = {splat(0), splat(0)}, squares = {splat(0), splat(0)};
    for (int64_t row = 0; row < rows; row++) sum = add(sum, load_wide(from + row * channels + at));
    sum = scale(sum, 1.0f / (float)rows);
    for (int64_t row = 0; row < rows; row++) {
      wide x = subtract(load_wide(from + row * channels + at), sum);
      squares.low += x.low * x.low;
      squares.high += x.high * x.high;
    }
    store_wide(mean + at, sum);
    store_wide(spread + at, squares);
  }
}

static float *norm_of(const SnakeConv *c) { return c->moments + snake_conv_chunks(c) * 2 * c->channels; }

/* Chan, Golub and LeVeque's rule for putting moments together. */
void snake_conv_normalise(const SnakeConv *c) {
  const int64_t chunks = snake_conv_chunks(c);
  float *norm = norm_of(c);
  for (int channel = 0; channel < c->channels; channel++) {
    double mean = 0, spread = 0, seen = 0;
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
      const float *of = c->moments + chunk * 2 * c->channels + channel;
      double rows = (double)chunk_rows(c, chunk), distance = of[0] - mean;
      spread += of[c->channels] + distance * distance * seen * rows / (seen + rows);
      seen += rows;
      mean += distance * rows / seen;
    }
    norm[channel] = (float)mean;
    norm[c->channels + channel] = (float)(c->gain[channel] / sqrt(spread / seen + EPSILON));
  }
}

/* -- Snake ---------------------------------------------------------------------------------------------------------- */

INLINE lanes rounded(lanes x) {
  const lanes whole = splat(12582912.0f); /* 1.5 * 2^23: there neighbouring floats are 1 apart */
  return (x + whole) - whole;
}

/* residual.snake: t + sin(pi t)^2 / pi by a cubic. */
INLINE lanes snake(lanes t) {
  lanes distance = t - rounded(t), square = distance * distance, shifted = square + splat(SNAKE_SHIFT);
  return t + (shifted * shifted + splat(SNAKE_OFFSET)) * (square * splat(SNAKE_GAIN));
}

/* Rows from first on, which may lie outside: those are the zeros that a convolution is padded with. */
static void activate(const SnakeConv *c, float *to, int64_t first, int64_t count) {
  const float *mean = norm_of(c), *factor = mean + c->channels;
  for (int64_t row = first; row < first + count; row++, to += c->channels) {
    if (row < 0 || row >= c->length) {
      memset(to, 0, (size_t)c->channels * sizeof(float));
      continue;
    }
    const float *from = c->rows + row * c->channels;
    for (int at = 0; at < c->channels; at += LANES)
      store(to + at, snake((load(from + at) - load(mean + at)) * load(factor + at) + load(c->shift + at)));
  }
}

/* -- products -------------------------------------------------------------------------------------------------------- */

/* to (ROWS, channels) = from (ROWS, channels) times one product's panels. */
static void multiply(float *to, const float *from, const float *panel, int channels) {
  for (int at = 0; at < channels; at += WIDE, panel += (ptrdiff_t)channels * WIDE) {
    wide sums[ROWS];
    for (int row = 0; row < ROWS; row++) sums[row] = (wide){splat(0), splat(0)};
    for (int k = 0; k < channels; k++) {
      wide weights = load_wide(panel + (ptrdiff_t)k * WIDE);
#pragma GCC unroll 6
      for (int row = 0; row < ROWS; row++) {
        lanes x = splat(from[row * channels + k]);
        sums[row].low += x * weights.low;
        sums[row].high += x * weights.high;
      }
    }
    for (int row = 0; row < ROWS; row++) store_wide(to + row * channels + at, sums[row]);
  }
}

/* -- batches --------------------------------------------------------------------------------------------------------- */

typedef struct {
  size_t size;
  _Alignas(ALIGNMENT) float floats[];
} Room;

static pthread_key_t room_key;

/* A thread keeps its room, some megabytes at most, until it ends: asked for anew, each of its pages would be cleared
   for each batch. Returns NULL without memory. */
static float *room_for(size_t floats) {
  Room *room = pthread_getspecific(room_key);
  if (room && room->size >= floats) return room->floats;
  free(room);
  room = aligned_alloc(ALIGNMENT, (sizeof(Room) + floats * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  if (room) room->size = floats;
  if (pthread_setspecific(room_key, room)) {
    free(room);
    return NULL;
  }
  return room ? room->floats : NULL;
}

static int step_of(const SnakeConv *c) { return c->tile - c->taps + 1; }

static int products_of(const SnakeConv *c) { return c->tile == TOOM_TILE ? TOOM_TILE : 3 * (c->tile / 2) - 1; }

/* A span is as many tiles as the dilation, interleaved: a dilated convolution is so many plain ones. */
static int64_t span_of(const SnakeConv *c) { return (int64_t)step_of(c) * c->dilation; }

int64_t snake_conv_batches(SnakeConv *c) {
  const int64_t spans = (c->length + span_of(c) - 1) / span_of(c);
  int few = 1; /* the fewest spans whose tiles fill whole products */
  while (few * c->dilation % ROWS) few++;
  int at_once = TILES_PER_BATCH;
  if (spans * c->dilation < (int64_t)MIN_BATCHES * TILES_PER_BATCH) at_once /= 2;
  const int times = at_once / (few * c->dilation);
  c->spans_per_batch = times > 1 ? few * times : few;
  return (spans + c->spans_per_batch - 1) / c->spans_per_batch;
}

static void transform(const SnakeConv *c, const float *from, float *to, ptrdiff_t plane) {
  const ptrdiff_t row = (ptrdiff_t)c->dilation * c->channels;
  for (int at = 0; at < c->channels; at += WIDE) {
    if (c->tile == 32)
      fourier_forward(from + at, row, to + at, plane, &waves_32, 32);
    else if (c->tile == 16)
      fourier_forward(from + at, row, to + at, plane, &waves_16, 16);
    else
      toom_cook_forward(from + at, row, to + at, plane, c->forward);
  }
}

/* One tile's steps from `first` on, as far as there are any. */
static void transform_back(const SnakeConv *c, const float *from, ptrdiff_t plane, int64_t first) {
  const int64_t left = (c->length - first + c->dilation - 1) / c->dilation;
  const int steps = left < step_of(c) ? (int)left : step_of(c);
  for (int at = 0; at < c->channels; at += WIDE) {
    wide out[MAX_TILE];
    if (c->tile == 32)
      fourier_backward(out, from + at, plane, &waves_32, 32);
    else if (c->tile == 16)
      fourier_backward(out, from + at, plane, &waves_16, 16);
    else
      toom_cook_backward(out, from + at, plane, c->backward);
    for (int i = 0; i < steps; i++) {
      const int64_t place = (first + (int64_t)i * c->dilation) * c->channels + at;
      if (c->residual) out[i] = add(out[i], load_wide(c->residual + place));
      store_wide(c->out + place, out[i]);
    }
  }
}

int snake_conv_batch(const SnakeConv *c, int64_t batch) {
  const int channels = c->channels, dilation = c->dilation, num_products = products_of(c);
  const int64_t span = span_of(c), first = batch * c->spans_per_batch * span;
  int64_t spans = (c->length - first + span - 1) / span;
  if (spans > c->spans_per_batch) spans = c->spans_per_batch;
  const int tiles = (int)spans * dilation, padded = (tiles + ROWS - 1) / ROWS * ROWS;
  const int64_t margin = (int64_t)(c->taps - 1) / 2 * dilation, rows = spans * span + 2 * margin;
  const ptrdiff_t plane = (ptrdiff_t)padded * channels + WIDE; /* not a power of two: those collide in the cache */

  float *active = room_for((size_t)(rows + ROWS) * channels + (size_t)num_products * plane);
  if (!active) return 1;
  float *planes = active + rows * channels, *made = planes + num_products * plane;

  activate(c, active, first - margin, rows);
  for (int tile = 0; tile < tiles; tile++)
    transform(c, active + (tile / dilation * span + tile % dilation) * channels, planes + (ptrdiff_t)tile * channels,
              plane);
  for (int product = 0; product < num_products; product++) {
    float *at = planes + product * plane;
    memset(at + (ptrdiff_t)tiles * channels, 0, (size_t)(padded - tiles) * channels * sizeof(float));
    for (int tile = 0; tile < padded; tile += ROWS, at += ROWS * channels) {
      multiply(made, at, c->weights + (ptrdiff_t)product * channels * channels, channels);
      memcpy(at, made, (size_t)ROWS * channels * sizeof(float));
    }
  }
  for (int tile = 0; tile < tiles; tile++) {
    const int64_t start = first + tile / dilation * span + tile % dilation;
    if (start < c->length) transform_back(c, planes + (ptrdiff_t)tile * channels, plane, start);
  }
  return 0;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int is_ready;

static void initialise(void) {
  fill_waves(&waves_16, 16);
  fill_waves(&waves_32, 32);
  is_ready = pthread_key_create(&room_key, free) == 0;
}

int snake_conv_initialise(void) { return pthread_once(&once, initialise) || !is_ready; }
