/* SnakeConv as an operator of ONNX Runtime's, on its threads.

   Inputs: rows (length, channels), gain (channels), shift (channels), weights (products, channels / 16, channels, 16),
   forward (products, tile), backward (step, products), and if it is to be added residual (length, channels); all
   float32. Output: (length, channels). Attribute: dilation. See snake_conv.h.

   ONNX Runtime's header does not come with its Python package. Its binary interface only ever grows at the end, so
   what is used of it is written down here. Source: onnxruntime_c_api.h, version 17. */
#include <stddef.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "snake_conv.h"

#define API_VERSION 17
#define DOMAIN "kokoro.fleet"
#define NUM_INPUTS 7
#define NUM_REQUIRED 6

typedef struct OrtStatus OrtStatus;
typedef struct OrtValue OrtValue;
typedef struct OrtShape OrtShape; /* OrtTensorTypeAndShapeInfo */
typedef struct OrtDomain OrtDomain; /* OrtCustomOpDomain */
typedef struct OrtContext OrtContext; /* OrtKernelContext */
typedef struct OrtInfo OrtInfo; /* OrtKernelInfo */
typedef struct OrtOptions OrtOptions; /* OrtSessionOptions */
typedef struct CustomOp CustomOp; /* OrtCustomOp */

enum { ORT_FAIL = 1, ORT_INVALID_ARGUMENT = 2 };
enum { FLOAT_TENSOR = 1 };
enum { REQUIRED = 0, OPTIONAL = 1 };
enum { DEFAULT_MEMORY = 0 };

/* Places in OrtApi, a structure of function pointers. */
enum {
  CREATE_STATUS = 0,
  CREATE_DOMAIN = 26,
  DOMAIN_ADD = 27,
  ADD_DOMAIN = 28,
  TENSOR_DATA = 51,
  DIMENSIONS_COUNT = 61,
  DIMENSIONS = 62,
  TENSOR_SHAPE = 65,
  ATTRIBUTE_INT64 = 86,
  INPUT_COUNT = 88,
  INPUT = 90,
  OUTPUT = 91,
  RELEASE_SHAPE = 99,
  PARALLEL_FOR = 274,
};

typedef void (*Function)(void);
typedef struct {
  Function functions[PARALLEL_FOR + 1];
} Api;
typedef struct {
  const Api *(*get_api)(uint32_t version);
  const char *(*version)(void);
} ApiBase;

#define CALL(api, place, type) ((type)(api)->functions[place])

typedef OrtStatus *(*CreateStatus)(int code, const char *message);
typedef OrtStatus *(*CreateDomain)(const char *name, OrtDomain **domain);
typedef OrtStatus *(*DomainAdd)(OrtDomain *domain, const CustomOp *op);
typedef OrtStatus *(*AddDomain)(OrtOptions *options, OrtDomain *domain);
typedef OrtStatus *(*TensorData)(OrtValue *value, void **content);
typedef OrtStatus *(*DimensionsCount)(const OrtShape *shape, size_t *count);
typedef OrtStatus *(*Dimensions)(const OrtShape *shape, int64_t *sizes, size_t count);
typedef OrtStatus *(*TensorShape)(const OrtValue *value, OrtShape **shape);
typedef OrtStatus *(*AttributeInt64)(const OrtInfo *info, const char *name, int64_t *value);
typedef OrtStatus *(*InputCount)(const OrtContext *context, size_t *count);
typedef OrtStatus *(*Input)(const OrtContext *context, size_t index, const OrtValue **value);
typedef OrtStatus *(*Output)(OrtContext *context, size_t index, const int64_t *sizes, size_t count, OrtValue **value);
typedef void (*ReleaseShape)(OrtShape *shape);
typedef OrtStatus *(*ParallelFor)(const OrtContext *context, void (*function)(void *, size_t), size_t total,
                                  size_t num_batches, void *argument);

#define CHECK(call)             \
  do {                          \
    OrtStatus *status = (call); \
    if (status) return status;  \
  } while (0)

static OrtStatus *refuse(const Api *api, int code, const char *message) {
  return CALL(api, CREATE_STATUS, CreateStatus)(code, message);
}

/* -- one node ---------------------------------------------------------------------------------------------------------- */

typedef struct {
  const Api *api;
  int64_t dilation;
} Kernel;

static OrtStatus *create_kernel(const CustomOp *op, const Api *api, const OrtInfo *info, void **kernel) {
  (void)op;
  Kernel *made = malloc(sizeof *made);
  if (!made) return refuse(api, ORT_FAIL, "SnakeConv: out of memory");
  made->api = api;
  OrtStatus *status = CALL(api, ATTRIBUTE_INT64, AttributeInt64)(info, "dilation", &made->dilation);
  if (!status && made->dilation < 1) status = refuse(api, ORT_INVALID_ARGUMENT, "SnakeConv: dilation is less than 1");
  if (status) {
    free(made);
    return status;
  }
  *kernel = made;
  return NULL;
}

static void destroy_kernel(void *kernel) { free(kernel); }

typedef struct {
  const float *content;
  int64_t sizes[4];
  size_t rank;
} Tensor;

static OrtStatus *input(const Api *api, const OrtContext *context, size_t index, Tensor *tensor) {
  const OrtValue *value = NULL;
  OrtShape *shape = NULL;
  CHECK(CALL(api, INPUT, Input)(context, index, &value));
  CHECK(CALL(api, TENSOR_DATA, TensorData)((OrtValue *)value, (void **)&tensor->content));
  CHECK(CALL(api, TENSOR_SHAPE, TensorShape)(value, &shape));
  OrtStatus *status = CALL(api, DIMENSIONS_COUNT, DimensionsCount)(shape, &tensor->rank);
  if (!status && tensor->rank > 4) status = refuse(api, ORT_INVALID_ARGUMENT, "SnakeConv: an input has over four axes");
  if (!status) status = CALL(api, DIMENSIONS, Dimensions)(shape, tensor->sizes, tensor->rank);
  CALL(api, RELEASE_SHAPE, ReleaseShape)(shape);
  return status;
}

static int is_of(const Tensor *tensor, size_t rank, const int64_t *sizes) {
  if (tensor->rank != rank) return 0;
  for (size_t axis = 0; axis < rank; axis++)
    if (tensor->sizes[axis] != sizes[axis]) return 0;
  return 1;
}

/* Whatever a graph may hold: nothing is read beyond a tensor's end. */
static int fits(const Tensor *tensors, size_t count) {
  const int64_t length = tensors[0].sizes[0], channels = tensors[0].sizes[1];
  const int64_t products = tensors[4].sizes[0], tile = tensors[4].sizes[1], step = tensors[5].sizes[0];
  if (tensors[0].rank != 2 || tensors[4].rank != 2 || tensors[5].rank != 2) return 0;
  if (channels < 16 || channels % 16 || channels > 1 << 16) return 0;
  if (!((tile == 8 && step == 6) || (tile == 16 && step == 10) || (tile == 32 && step == 22))) return 0;
  if (products != (tile == 8 ? 8 : 3 * (tile / 2) - 1) || tensors[5].sizes[1] != products) return 0;
  return is_of(&tensors[1], 1, (int64_t[]){channels}) && is_of(&tensors[2], 1, (int64_t[]){channels}) &&
         is_of(&tensors[3], 4, (int64_t[]){products, channels / 16, channels, 16}) &&
         (count < NUM_INPUTS || is_of(&tensors[6], 2, (int64_t[]){length, channels}));
}

typedef struct {
  SnakeConv conv;
  int failed; /* only ever set, by whichever thread */
} Work;

static void one_chunk(void *work, size_t chunk) { snake_conv_moments(&((Work *)work)->conv, (int64_t)chunk); }

static void one_batch(void *work, size_t batch) {
  Work *of = work;
  if (snake_conv_batch(&of->conv, (int64_t)batch)) __atomic_store_n(&of->failed, 1, __ATOMIC_RELAXED);
}

static OrtStatus *convolve(const Api *api, const OrtContext *context, Work *work) {
  const ParallelFor parallel_for = CALL(api, PARALLEL_FOR, ParallelFor);
  CHECK(parallel_for(context, one_chunk, (size_t)snake_conv_chunks(&work->conv), 0, work));
  snake_conv_normalise(&work->conv);
  CHECK(parallel_for(context, one_batch, (size_t)snake_conv_batches(&work->conv), 0, work));
  return work->failed ? refuse(api, ORT_FAIL, "SnakeConv: out of memory") : NULL;
}

static OrtStatus *compute(void *kernel, OrtContext *context) {
  const Kernel *k = kernel;
  const Api *api = k->api;
  Tensor in[NUM_INPUTS] = {0};
  size_t count;
  OrtValue *out = NULL;
  CHECK(CALL(api, INPUT_COUNT, InputCount)(context, &count));
  if (count < NUM_REQUIRED || count > NUM_INPUTS) return refuse(api, ORT_INVALID_ARGUMENT, "SnakeConv: wrong inputs");
  for (size_t i = 0; i < count; i++) CHECK(input(api, context, i, &in[i]));
  if (!fits(in, count)) return refuse(api, ORT_INVALID_ARGUMENT, "SnakeConv: inputs of wrong shapes");

  Work work = {.conv = {.rows = in[0].content, .gain = in[1].content, .shift = in[2].content,
                        .weights = in[3].content, .forward = in[4].content, .backward = in[5].content,
                        .residual = in[6].content, .length = in[0].sizes[0], .channels = (int)in[0].sizes[1],
                        .tile = (int)in[4].sizes[1], .taps = (int)(in[4].sizes[1] - in[5].sizes[0] + 1),
                        .dilation = (int)k->dilation}};
  CHECK(CALL(api, OUTPUT, Output)(context, 0, in[0].sizes, 2, &out));
  CHECK(CALL(api, TENSOR_DATA, TensorData)(out, (void **)&work.conv.out));
  if (!work.conv.length) return NULL;
  const size_t moments = (size_t)(snake_conv_chunks(&work.conv) + 1) * 2 * (size_t)work.conv.channels;
  work.conv.moments = malloc(moments * sizeof(float));
  if (!work.conv.moments) return refuse(api, ORT_FAIL, "SnakeConv: out of memory");
  OrtStatus *status = convolve(api, context, &work);
  free(work.conv.moments);
  return status;
}

/* -- the operator ------------------------------------------------------------------------------------------------------ */

/* OrtCustomOp. What is left out is null, as it may be. */
struct CustomOp {
  uint32_t version;
  void *(*create_kernel_v1)(const CustomOp *, const Api *, const OrtInfo *);
  const char *(*name)(const CustomOp *);
  const char *(*provider)(const CustomOp *);
  int (*input_type)(const CustomOp *, size_t);
  size_t (*input_count)(const CustomOp *);
  int (*output_type)(const CustomOp *, size_t);
  size_t (*output_count)(const CustomOp *);
  void (*compute_v1)(void *, OrtContext *);
  void (*destroy_kernel)(void *);
  int (*input_kind)(const CustomOp *, size_t);
  int (*output_kind)(const CustomOp *, size_t);
  int (*input_memory)(const CustomOp *, size_t);
  int (*variadic_input_min)(const CustomOp *);
  int (*variadic_input_same)(const CustomOp *);
  int (*variadic_output_min)(const CustomOp *);
  int (*variadic_output_same)(const CustomOp *);
  OrtStatus *(*create_kernel)(const CustomOp *, const Api *, const OrtInfo *, void **);
  OrtStatus *(*compute)(void *, OrtContext *);
  Function infer_shapes;
  int (*first_version)(const CustomOp *);
  int (*last_version)(const CustomOp *);
  Function of_later_versions[4];
};

static const char *name(const CustomOp *op) { return (void)op, "SnakeConv"; }
static const char *provider(const CustomOp *op) { return (void)op, "CPUExecutionProvider"; }
static int tensor_type(const CustomOp *op, size_t index) { return (void)op, (void)index, FLOAT_TENSOR; }
static size_t input_count(const CustomOp *op) { return (void)op, NUM_INPUTS; }
static size_t output_count(const CustomOp *op) { return (void)op, 1; }
static int input_kind(const CustomOp *op, size_t index) { return (void)op, index < NUM_REQUIRED ? REQUIRED : OPTIONAL; }
static int output_kind(const CustomOp *op, size_t index) { return (void)op, (void)index, REQUIRED; }
static int memory(const CustomOp *op, size_t index) { return (void)op, (void)index, DEFAULT_MEMORY; }
static int first_version(const CustomOp *op) { return (void)op, 1; }
static int last_version(const CustomOp *op) { return (void)op, 1; }

static const CustomOp snake_conv = {
    .version = API_VERSION,
    .name = name,
    .provider = provider,
    .input_type = tensor_type,
    .input_count = input_count,
    .output_type = tensor_type,
    .output_count = output_count,
    .destroy_kernel = destroy_kernel,
    .input_kind = input_kind,
    .output_kind = output_kind,
    .input_memory = memory,
    .create_kernel = create_kernel,
    .compute = compute,
    .first_version = first_version,
    .last_version = last_version,
};

#if defined(__x86_64__) && defined(__AVX2__)
/* Not __builtin_cpu_supports: not every compiler's runtime library knows it. */
static int has_what_it_was_compiled_for(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_FMA) || !(c & bit_OSXSAVE)) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_AVX2;
}
#else
static int has_what_it_was_compiled_for(void) { return 1; }
#endif

/* ONNX Runtime calls this when a session registers the library. */
__attribute__((visibility("default"))) OrtStatus *RegisterCustomOps(OrtOptions *options, const ApiBase *base) {
  const Api *api = base->get_api(API_VERSION);
  OrtDomain *domain = NULL;
  if (!api) return NULL; /* too old; that the operator is unknown will be said when the graph is read */
  if (!has_what_it_was_compiled_for()) return refuse(api, ORT_FAIL, "this processor has no AVX2, which the kernels need");
  if (snake_conv_initialise()) return refuse(api, ORT_FAIL, "the kernels have no room for what threads keep");
  CHECK(CALL(api, CREATE_DOMAIN, CreateDomain)(DOMAIN, &domain));
  CHECK(CALL(api, DOMAIN_ADD, DomainAdd)(domain, &snake_conv));
  return CALL(api, ADD_DOMAIN, AddDomain)(options, domain);
}
