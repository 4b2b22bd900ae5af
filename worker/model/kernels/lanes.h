/* Vectors of eight floats, as the compiler knows them on any processor; two make a cache line. */
#ifndef LANES_H
#define LANES_H

#include <stddef.h>

#define LANES 8
#define WIDE (2 * LANES)
#define INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));

typedef struct {
  lanes low, high;
} wide;

INLINE lanes splat(float x) { return (lanes){x, x, x, x, x, x, x, x}; }

INLINE lanes load(const float *from) { return *(const lanes *)from; }

INLINE void store(float *to, lanes x) { *(lanes *)to = x; }

INLINE wide load_wide(const float *from) { return (wide){load(from), load(from + LANES)}; }

INLINE void store_wide(float *to, wide x) {
  store(to, x.low);
  store(to + LANES, x.high);
}

INLINE wide add(wide x, wide y) { return (wide){x.low + y.low, x.high + y.high}; }

INLINE wide subtract(wide x, wide y) { return (wide){x.low - y.low, x.high - y.high}; }

INLINE wide scale(wide x, float factor) { return (wide){x.low * splat(factor), x.high * splat(factor)}; }

INLINE wide add_scaled(wide sum, wide x, float factor) {
  return (wide){sum.low + x.low * splat(factor), sum.high + x.high * splat(factor)};
}

#endif
