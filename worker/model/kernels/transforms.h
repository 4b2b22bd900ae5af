/* Short transforms of tiles, sixteen channels at a time, as worker/model/graph/fast_conv.py defines them.

   There a transform is a dense matrix. Fourier's have symmetries: a tile is folded in the middle twice, which leaves
   four matrices of a quarter of the size each, for even and odd frequencies of cosines and sines. */
#ifndef TRANSFORMS_H
#define TRANSFORMS_H

#include <math.h>

#include "lanes.h"

#define MAX_TILE 32
#define QUARTER (MAX_TILE / 4 + 1)
#define TOOM_TILE 8

typedef struct {
  float cos_even[QUARTER][QUARTER], cos_odd[QUARTER][QUARTER]; /* [i][j]: cos(turn * frequency i * place j) */
  float sin_even[QUARTER][QUARTER], sin_odd[QUARTER][QUARTER];
} waves;

static waves waves_16, waves_32;

static void fill_waves(waves *w, int tile) {
  for (int i = 0; i <= tile / 4; i++)
    for (int j = 0; j <= tile / 4; j++) {
      double even = 2 * M_PI / tile * 2 * i * j, odd = 2 * M_PI / tile * (2 * i + 1) * j;
      w->cos_even[i][j] = (float)cos(even);
      w->cos_odd[i][j] = (float)cos(odd);
      w->sin_even[i][j] = (float)sin(even);
      w->sin_odd[i][j] = (float)sin(odd);
    }
}

/* out[i] = sum of m[i * across + j * down] * in[j] over j from first to last, for count <= 5 outputs from i on. */
INLINE void few_products(wide *out, const wide *in, const float *m, int across, int down, int i, int count, int first,
                         int last) {
  wide sums[5];
  for (int r = 0; r < count; r++) sums[r] = scale(in[first], m[(i + r) * across + first * down]);
  for (int j = first + 1; j <= last; j++)
    for (int r = 0; r < count; r++) sums[r] = add_scaled(sums[r], in[j], m[(i + r) * across + j * down]);
  for (int r = 0; r < count; r++) out[i + r] = sums[r];
}

/* The same for i from top to bottom: at most nine. Five sums of two vectors fit into the registers of AVX2. */
INLINE void products(wide *out, const wide *in, const float *m, int across, int down, int top, int bottom, int first,
                     int last) {
  int rest = bottom - top + 1;
  if (rest > 5) {
    few_products(out, in, m, across, down, top, 5, first, last);
    top += 5;
    rest -= 5;
  }
  if (rest == 5) few_products(out, in, m, across, down, top, 5, first, last);
  if (rest == 4) few_products(out, in, m, across, down, top, 4, first, last);
  if (rest == 3) few_products(out, in, m, across, down, top, 3, first, last);
  if (rest == 2) few_products(out, in, m, across, down, top, 2, first, last);
}

INLINE void put_spectrum(float *planes, ptrdiff_t plane, int frequency, wide c, wide s) {
  float *at = planes + (1 + 3 * (frequency - 1)) * plane;
  store_wide(at, subtract(c, s));
  store_wide(at + plane, c);
  store_wide(at + 2 * plane, scale(s, -1.0f));
}

/* rows: tile steps, row floats apart. planes: 3 * tile / 2 - 1 products, plane floats apart. */
INLINE void fourier_forward(const float *rows, ptrdiff_t row, float *planes, ptrdiff_t plane, const waves *w,
                            const int tile) {
  const int half = tile / 2, quarter = tile / 4;
  wide even[MAX_TILE / 2], odd[MAX_TILE / 2], folded[QUARTER], c[QUARTER], s[QUARTER];
  const wide start = load_wide(rows), middle = load_wide(rows + half * row);
  for (int i = 1; i < half; i++) {
    wide x = load_wide(rows + i * row), mirrored = load_wide(rows + (tile - i) * row);
    even[i] = add(x, mirrored);
    odd[i] = subtract(x, mirrored);
  }

  folded[0] = add(start, middle);
  for (int i = 1; i < quarter; i++) folded[i] = add(even[i], even[half - i]);
  folded[quarter] = even[quarter];
  products(c, folded, w->cos_even[0], QUARTER, 1, 0, quarter, 0, quarter);
  for (int i = 1; i < quarter; i++) folded[i] = subtract(odd[i], odd[half - i]);
  products(s, folded, w->sin_even[0], QUARTER, 1, 1, quarter - 1, 1, quarter - 1);
  store_wide(planes, c[0]);
  for (int i = 1; i < quarter; i++) put_spectrum(planes, plane, 2 * i, c[i], s[i]);
  store_wide(planes + (3 * half - 2) * plane, c[quarter]);

  folded[0] = subtract(start, middle);
  for (int i = 1; i < quarter; i++) folded[i] = subtract(even[i], even[half - i]);
  products(c, folded, w->cos_odd[0], QUARTER, 1, 0, quarter - 1, 0, quarter - 1);
  for (int i = 1; i < quarter; i++) folded[i] = add(odd[i], odd[half - i]);
  folded[quarter] = odd[quarter];
  products(s, folded, w->sin_odd[0], QUARTER, 1, 0, quarter - 1, 1, quarter);
  for (int i = 0; i < quarter; i++) put_spectrum(planes, plane, 2 * i + 1, c[i], s[i]);
}

/* Gauss's three products to a complex number, scaled for the way back. */
INLINE void get_spectrum(const float *planes, ptrdiff_t plane, int frequency, float share, wide *re, wide *im) {
  const float *at = planes + (1 + 3 * (frequency - 1)) * plane;
  wide first = load_wide(at), second = load_wide(at + plane), third = load_wide(at + 2 * plane);
  *re = scale(subtract(first, third), share);
  *im = scale(add(first, second), share);
}

/* out: tile steps, of which the first tile - taps + 1 are the convolution. */
INLINE void fourier_backward(wide *out, const float *planes, ptrdiff_t plane, const waves *w, const int tile) {
  const int half = tile / 2, quarter = tile / 4;
  const float share = 2.0f / (float)tile;
  wide re[QUARTER], im[QUARTER];
  wide cos_even[QUARTER], cos_odd[QUARTER], sin_even[QUARTER], sin_odd[QUARTER];

  re[0] = scale(load_wide(planes), share / 2);
  for (int i = 1; i < quarter; i++) get_spectrum(planes, plane, 2 * i, share, &re[i], &im[i]);
  re[quarter] = scale(load_wide(planes + (3 * half - 2) * plane), share / 2);
  products(cos_even, re, w->cos_even[0], QUARTER, 1, 0, quarter, 0, quarter);
  products(sin_even, im, w->sin_even[0], QUARTER, 1, 1, quarter - 1, 1, quarter - 1);
  for (int i = 0; i < quarter; i++) get_spectrum(planes, plane, 2 * i + 1, share, &re[i], &im[i]);
  products(cos_odd, re, w->cos_odd[0], 1, QUARTER, 0, quarter - 1, 0, quarter - 1);
  products(sin_odd, im, w->sin_odd[0], 1, QUARTER, 1, quarter, 0, quarter - 1);

  out[0] = add(cos_even[0], cos_odd[0]);
  out[half] = subtract(cos_even[0], cos_odd[0]);
  out[quarter] = subtract(cos_even[quarter], sin_odd[quarter]);
  out[tile - quarter] = add(cos_even[quarter], sin_odd[quarter]);
  for (int i = 1; i < quarter; i++) {
    wide c = add(cos_even[i], cos_odd[i]), s = add(sin_even[i], sin_odd[i]);
    out[i] = subtract(c, s);
    out[tile - i] = add(c, s);
    c = subtract(cos_even[i], cos_odd[i]);
    s = subtract(sin_odd[i], sin_even[i]);
    out[half - i] = subtract(c, s);
    out[half + i] = add(c, s);
  }
}

/* matrix: 8 x 8, from fast_conv. */
INLINE void toom_cook_forward(const float *rows, ptrdiff_t row, float *planes, ptrdiff_t plane, const float *matrix) {
  wide in[TOOM_TILE], out[TOOM_TILE];
  for (int i = 0; i < TOOM_TILE; i++) in[i] = load_wide(rows + i * row);
  products(out, in, matrix, TOOM_TILE, 1, 0, TOOM_TILE - 1, 0, TOOM_TILE - 1);
  for (int i = 0; i < TOOM_TILE; i++) store_wide(planes + i * plane, out[i]);
}

/* matrix: 6 x 8, from fast_conv. */
INLINE void toom_cook_backward(wide *out, const float *planes, ptrdiff_t plane, const float *matrix) {
  wide in[TOOM_TILE];
  for (int i = 0; i < TOOM_TILE; i++) in[i] = load_wide(planes + i * plane);
  few_products(out, in, matrix, TOOM_TILE, 1, 0, 3, 0, TOOM_TILE - 1);
  few_products(out, in, matrix, TOOM_TILE, 1, 3, 3, 0, TOOM_TILE - 1);
}

#endif
