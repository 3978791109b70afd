/* A CUDA driver over host memory, for testing the runtime's real path where there is no GPU.
 *
 * Work runs when it is queued. What the real driver would refuse is refused: calls without a current context, memory of
 * one device on a stream of another, unknown or twice freed addresses, synchronising during a capture. Every call that
 * queues work is written to a log that the tests read. Devices, capability and memory come from the environment
 * (FAKE_CUDA_DEVICES, FAKE_CUDA_CAPABILITY, FAKE_CUDA_MEMORY). Built as libcuda.so.1, found through LD_LIBRARY_PATH.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101,
       INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600, CAPTURE_UNSUPPORTED = 900,
       CAPTURE_ISOLATION = 905 };
enum { MAX_DEVICES = 8, MAX_BLOCKS = 4096, MAX_NODES = 4096, RELAXED = 2 };

typedef struct { int kind; uint64_t dst, src; size_t n; unsigned char byte; } Node;  /* 0 copy, 1 fill, 2 kernel */
typedef struct { Node nodes[MAX_NODES]; int count; } Graph;
typedef struct { int device; Graph *capture; } Stream;
typedef struct { double ms; int recorded; Graph *graph; } Event;
typedef struct { int device; size_t used, reserved, high; uint64_t threshold; } Memory;
typedef struct { uint64_t ptr; size_t size; Memory *from; int device; } Piece;

static int contexts[MAX_DEVICES];          /* the address of contexts[i] is device i's primary context */
static Stream legacy[MAX_DEVICES], *streams[4096];
static Memory *memories[64];
static int memory_count, piece_count, stream_count, captures, busy, silent, shown_parameters;
static Piece pieces[MAX_BLOCKS];
static pid_t started;
static __thread int *current;
static __thread int thread_mode;
static char *log_text;
static size_t log_size;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static long setting(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}
static int devices(void) { return (int)setting("FAKE_CUDA_DEVICES", 1); }
static size_t total(void) { return (size_t)setting("FAKE_CUDA_MEMORY", 1L << 30); }

static void note(const char *format, ...) {
    if (silent) return;
    char line[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    line[n++] = '\n';
    pthread_mutex_lock(&lock);
    log_text = realloc(log_text, log_size + n + 1);
    memcpy(log_text + log_size, line, n);
    log_size += n;
    log_text[log_size] = 0;
    pthread_mutex_unlock(&lock);
}

/* -- what the tests call */
const char *fake_log(void) { return log_text ? log_text : ""; }
void fake_log_clear(void) { log_size = 0; if (log_text) *log_text = 0; }
void fake_busy(int on) { busy = on; }
void fake_parameters(int count) { shown_parameters = count; }   /* of each launch; the kernel must have as many */
void fake_silent(int on) { silent = on; }   /* for timing the host's part */

static int here(void) { return current ? (int)(current - contexts) : -1; }
static int ready(void) { return started == 0 || started != getpid() ? NOT_INITIALIZED : current ? OK : INVALID_CONTEXT; }
static Stream *stream_of(void *s) { return s ? s : &legacy[here()]; }
static Piece *piece_at(uint64_t ptr, int exact) {
    for (int i = 0; i < piece_count; i++)
        if (pieces[i].ptr == ptr || (!exact && ptr > pieces[i].ptr && ptr < pieces[i].ptr + pieces[i].size)) return &pieces[i];
    return NULL;
}
static void perform(const Node *node) {
    if (node->kind == 0) memmove((void *)node->dst, (void *)node->src, node->n);
    if (node->kind == 1) memset((void *)node->dst, node->byte, node->n);
}
static int queue(void *s, Node node) {
    Stream *stream = stream_of(s);
    if (!stream->capture) perform(&node);
    else stream->capture->nodes[stream->capture->count++] = node;
    return OK;
}
#define READY() do { int status = ready(); if (status) return status; } while (0)

/* -- starting, devices, contexts */
int cuInit(unsigned flags) {
    if (started && started != getpid()) return NOT_INITIALIZED;
    if (devices() == 0) return NO_DEVICE;
    if (!started) for (int i = 0; i < MAX_DEVICES; i++) legacy[i].device = i;
    started = getpid();
    note("cuInit");
    return OK;
}
int cuDriverGetVersion(int *version) { *version = 13000; return OK; }
int cuProfilerStart(void) { note("profiler start"); return OK; }
int cuProfilerStop(void) { note("profiler stop"); return OK; }
int cuDeviceGetCount(int *count) { *count = devices(); return started == getpid() ? OK : NOT_INITIALIZED; }
int cuDeviceGet(int *device, int i) { *device = i; return i >= 0 && i < devices() ? OK : INVALID_DEVICE; }
int cuDeviceGetName(char *name, int n, int device) { snprintf(name, n, "Fake GPU %d", device); return OK; }
int cuDeviceTotalMem_v2(size_t *n, int device) { *n = total(); return OK; }
int cuDeviceGetUuid_v2(unsigned char *uuid, int device) { for (int i = 0; i < 16; i++) uuid[i] = i + device; return OK; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    long capability = setting("FAKE_CUDA_CAPABILITY", 90);
    switch (attribute) {
        case 75: *value = capability / 10; break;
        case 76: *value = capability % 10; break;
        case 16: *value = 132; break;            /* multiprocessors */
        case 10: *value = 32; break;             /* warp */
        case 97: *value = 227 << 10; break;      /* shared memory by opt-in */
        case 115: *value = 1; break;             /* memory pools */
        default: *value = attribute;
    }
    return OK;
}
int cuDevicePrimaryCtxRetain(int **context, int device) { *context = &contexts[device]; return OK; }
int cuDevicePrimaryCtxRelease_v2(int device) { return OK; }
int cuCtxSetCurrent(int *context) { current = context; return OK; }
int cuCtxGetCurrent(int **context) { *context = current; return OK; }
int cuCtxGetDevice(int *device) { READY(); *device = here(); return OK; }
int cuCtxGetLimit(size_t *n, int limit) { *n = 1 << 20; return OK; }
int cuCtxSetLimit(int limit, size_t n) { return OK; }
int cuCtxSynchronize(void) {
    READY();
    if (captures && thread_mode != RELAXED) return CAPTURE_UNSUPPORTED;
    note("synchronize device=%d", here());
    return OK;
}
int cuGetErrorName(int status, const char **name) {
    *name = status == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : status == NO_DEVICE ? "CUDA_ERROR_NO_DEVICE"
          : status == NOT_INITIALIZED ? "CUDA_ERROR_NOT_INITIALIZED" : status == INVALID_VALUE ? "CUDA_ERROR_INVALID_VALUE"
          : status == CAPTURE_UNSUPPORTED ? "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
          : status == CAPTURE_ISOLATION ? "CUDA_ERROR_STREAM_CAPTURE_ISOLATION"
          : status == INVALID_CONTEXT ? "CUDA_ERROR_INVALID_CONTEXT" : "CUDA_ERROR_UNKNOWN";
    return OK;
}
int cuGetErrorString(int status, const char **text) {
    *text = status == INVALID_VALUE ? "invalid argument" : status == NO_DEVICE ? "no CUDA-capable device is detected"
          : status == CAPTURE_UNSUPPORTED ? "operation not permitted when stream is capturing" : "an error";
    return OK;
}

/* -- memory */
int cuMemPoolCreate(Memory **memory, const int *properties) {
    *memory = memories[memory_count++] = calloc(1, sizeof(Memory));
    (*memory)->device = properties[3];   /* allocType, handleTypes, location.type, location.id */
    note("pool device=%d type=%d location=%d", properties[3], properties[0], properties[2]);
    return properties[0] == 1 && properties[2] == 1 ? OK : INVALID_VALUE;
}
int cuMemPoolDestroy(Memory *memory) { return OK; }
int cuMemPoolSetAttribute(Memory *memory, int attribute, void *value) {
    if (attribute == 4) memory->threshold = *(uint64_t *)value;
    else if (attribute == 6 && *(uint64_t *)value == 0) memory->high = memory->reserved;
    else return INVALID_VALUE;
    note("pool attribute=%d value=%llx", attribute, (unsigned long long)*(uint64_t *)value);
    return OK;
}
int cuMemPoolGetAttribute(Memory *memory, int attribute, void *value) {
    uint64_t found = attribute == 4 ? memory->threshold : attribute == 5 ? memory->reserved
                   : attribute == 6 ? memory->high : memory->used;
    memcpy(value, &found, sizeof found);
    return OK;
}
int cuMemPoolTrimTo(Memory *memory, size_t keep) {
    note("trim device=%d", memory->device);
    memory->reserved = memory->used > keep ? memory->used : keep;
    return OK;
}
int cuMemAllocFromPoolAsync(uint64_t *ptr, size_t n, Memory *memory, void *s) {
    READY();
    Stream *stream = stream_of(s);
    if (stream->device != memory->device || stream->capture) return INVALID_VALUE;
    size_t held = 0;
    for (int i = 0; i < memory_count; i++) if (memories[i]->device == memory->device) held += memories[i]->used;
    if (held + n > total()) return OUT_OF_MEMORY;
    *ptr = (uint64_t)aligned_alloc(512, (n + 511) / 512 * 512);
    pieces[piece_count++] = (Piece){*ptr, n, memory, memory->device};
    memory->used += n;
    if (memory->used > memory->reserved) memory->reserved = memory->used;
    if (memory->reserved > memory->high) memory->high = memory->reserved;
    note("alloc bytes=%zu device=%d stream=%p", n, memory->device, s);
    return OK;
}
int cuMemFreeAsync(uint64_t ptr, void *s) {
    READY();
    Piece *piece = piece_at(ptr, 1);
    Stream *stream = stream_of(s);
    if (!piece || stream->device != piece->device || stream->capture) return INVALID_VALUE;
    note("free bytes=%zu device=%d stream=%p", piece->size, piece->device, s);
    piece->from->used -= piece->size;
    free((void *)ptr);
    *piece = pieces[--piece_count];
    return OK;
}
int cuMemGetInfo_v2(size_t *spare, size_t *all) {
    READY();
    *all = *spare = total();
    for (int i = 0; i < memory_count; i++) if (memories[i]->device == here()) *spare -= memories[i]->reserved;
    return OK;
}
int cuMemHostAlloc(void **ptr, size_t n, unsigned flags) {
    READY();
    note("host alloc bytes=%zu flags=%u", n, flags);
    *ptr = aligned_alloc(4096, (n + 4095) / 4096 * 4096);
    return OK;
}
int cuMemFreeHost(void *ptr) { note("host free"); free(ptr); return OK; }
int cuMemcpyHtoDAsync_v2(uint64_t dst, const void *src, size_t n, void *s) {
    READY();
    if (!piece_at(dst, 0)) return INVALID_VALUE;
    note("upload bytes=%zu stream=%p", n, s);
    return queue(s, (Node){0, dst, (uint64_t)src, n, 0});
}
int cuMemcpyDtoHAsync_v2(void *dst, uint64_t src, size_t n, void *s) {
    READY();
    if (!piece_at(src, 0)) return INVALID_VALUE;
    note("download bytes=%zu stream=%p", n, s);
    return queue(s, (Node){0, (uint64_t)dst, src, n, 0});
}
int cuMemcpyDtoDAsync_v2(uint64_t dst, uint64_t src, size_t n, void *s) {
    READY();
    if (!piece_at(dst, 0) || !piece_at(src, 0)) return INVALID_VALUE;
    note("copy bytes=%zu stream=%p", n, s);
    return queue(s, (Node){0, dst, src, n, 0});
}
int cuMemcpyPeerAsync(uint64_t dst, int *to, uint64_t src, int *from, size_t n, void *s) {
    READY();
    Piece *a = piece_at(dst, 0), *b = piece_at(src, 0);
    if (!a || !b || a->device != to - contexts || b->device != from - contexts) return INVALID_VALUE;
    note("peer copy bytes=%zu from=%d to=%d stream=%p", n, b->device, a->device, s);
    return queue(s, (Node){0, dst, src, n, 0});
}
int cuMemsetD8Async(uint64_t dst, unsigned char byte, size_t n, void *s) {
    READY();
    if (!piece_at(dst, 0)) return INVALID_VALUE;
    note("fill bytes=%zu stream=%p", n, s);
    return queue(s, (Node){1, dst, 0, n, byte});
}
int cuPointerGetAttribute(uint64_t *value, int attribute, uint64_t ptr) { *value = ptr; return piece_at(ptr, 0) ? OK : INVALID_VALUE; }

/* -- streams and events */
int cuStreamCreateWithPriority(Stream **s, unsigned flags, int priority) {
    READY();
    *s = calloc(1, sizeof(Stream));
    (*s)->device = here();
    streams[stream_count++] = *s;
    note("stream=%p flags=%u priority=%d", (void *)*s, flags, priority);
    return OK;
}
int cuStreamDestroy_v2(Stream *s) { note("destroy stream=%p", (void *)s); return OK; }
int cuStreamQuery(void *s) { READY(); return busy ? NOT_READY : OK; }
int cuStreamSynchronize(void *s) {
    READY();
    if (stream_of(s)->capture) return CAPTURE_UNSUPPORTED;
    note("synchronize stream=%p", s);
    return OK;
}
int cuStreamWaitEvent(void *s, Event *event, unsigned flags) {
    READY();
    Stream *stream = stream_of(s);
    if (stream->capture && stream->capture != event->graph) return CAPTURE_ISOLATION;
    stream->capture = event->graph;              /* the other stream's work is captured from here on */
    note("stream=%p waits event=%p", s, (void *)event);
    return OK;
}
int cuEventCreate(Event **event, unsigned flags) {
    READY();
    *event = calloc(1, sizeof(Event));
    note("event flags=%u", flags);
    return OK;
}
int cuEventDestroy_v2(Event *event) { free(event); return OK; }
int cuEventRecord(Event *event, void *s) {
    READY();
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    *event = (Event){now.tv_sec * 1e3 + now.tv_nsec * 1e-6, 1, stream_of(s)->capture};
    note("record event=%p stream=%p", (void *)event, s);
    return OK;
}
int cuEventQuery(Event *event) { READY(); return busy && event->recorded ? NOT_READY : OK; }
int cuEventSynchronize(Event *event) { READY(); note("synchronize event=%p", (void *)event); return OK; }
int cuEventElapsedTime_v2(float *ms, Event *start, Event *end) {
    if (!start->recorded || !end->recorded) return INVALID_HANDLE;
    *ms = (float)(end->ms - start->ms);
    return OK;
}
int cuIpcGetEventHandle(char *handle, Event *event) { memset(handle, 0, 64); memcpy(handle, &event, sizeof event); return OK; }
typedef struct { char reserved[64]; } Handle;
int cuIpcOpenEventHandle(Event **event, Handle handle) { memcpy(event, handle.reserved, sizeof *event); return OK; }

/* -- graphs */
int cuStreamBeginCapture_v2(Stream *s, int mode) {
    READY();
    if (!s) return CAPTURE_UNSUPPORTED;
    s->capture = calloc(1, sizeof(Graph));
    captures++;
    note("capture stream=%p mode=%d", (void *)s, mode);
    return OK;
}
int cuStreamEndCapture(Stream *s, Graph **graph) {
    READY();
    *graph = s->capture;
    for (int i = 0; i < stream_count; i++) if (streams[i]->capture == *graph) streams[i]->capture = NULL;
    captures--;
    note("captured nodes=%d", (*graph)->count);
    return OK;
}
int cuStreamIsCapturing(Stream *s, int *status) { *status = s && s->capture ? 1 : 0; return OK; }
int cuThreadExchangeStreamCaptureMode(int *mode) { int before = thread_mode; thread_mode = *mode; *mode = before; return OK; }
int cuGraphInstantiateWithFlags(Graph **executable, Graph *graph, unsigned long long flags) {
    *executable = malloc(sizeof(Graph));
    memcpy(*executable, graph, sizeof(Graph));
    return OK;
}
int cuGraphLaunch(Graph *graph, void *s) {
    READY();
    note("replay nodes=%d stream=%p", graph->count, s);
    for (int i = 0; i < graph->count; i++) queue(s, graph->nodes[i]);
    return OK;
}
int cuGraphExecDestroy(Graph *graph) { note("graph exec destroy"); free(graph); return OK; }
int cuGraphDestroy(Graph *graph) { note("graph destroy"); free(graph); return OK; }
int cuGraphDebugDotPrint(Graph *graph, const char *path, unsigned flags) {
    FILE *file = fopen(path, "w");
    fprintf(file, "digraph { %d }\n", graph->count);
    fclose(file);
    return OK;
}

/* -- kernels: loaded and launched, never run */
int cuModuleLoadData(void **module, const void *image) {
    READY();
    if (captures && thread_mode != RELAXED) return CAPTURE_UNSUPPORTED;   /* it may allocate */
    *module = malloc(1);
    return OK;
}
int cuModuleUnload(void *module) { return OK; }
int cuModuleGetFunction(void **function, void *module, const char *name) { *function = strdup(name); return OK; }
int cuFuncGetAttribute(int *value, int attribute, void *function) { *value = attribute ? 0 : 1024; return OK; }
int cuFuncSetAttribute(void *function, int attribute, int value) { return OK; }
int cuFuncSetCacheConfig(void *function, int config) { return OK; }
int cuTensorMapEncodeTiled(uint64_t *map, int type, unsigned rank, void *address, const uint64_t *extents,
                           const uint64_t *strides, const unsigned *box, const unsigned *steps, int interleave,
                           int swizzle, int promotion, int fill) {
    static const int sizes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4}, rows[] = {0, 32, 64, 128};
    int good = type >= 0 && type < 13 && rank >= 1 && rank <= 5 && (uint64_t)address % 16 == 0 && piece_at((uint64_t)address, 0);
    for (unsigned i = 0; good && i < rank; i++)
        good = extents[i] && extents[i] <= 1ull << 32 && box[i] && box[i] <= 256 && steps[i] && steps[i] <= 8;
    for (unsigned i = 0; good && i + 1 < rank; i++) good = strides[i] % 16 == 0 && strides[i] < 1ull << 40;
    if (good) good = box[0] * sizes[type] % 16 == 0 && (!swizzle || box[0] * sizes[type] <= rows[swizzle]);
    if (!good) return INVALID_VALUE;
    memset(map, 0, 128);
    map[0] = (uint64_t)address;                  /* what a launch shows of the parameter */
    note("tensor map ptr=%p extents=%llu,%llu row=%llu box=%u,%u", address, (unsigned long long)extents[0],
         rank > 1 ? (unsigned long long)extents[1] : 1, rank > 1 ? (unsigned long long)strides[0] : 0, box[0],
         rank > 1 ? box[1] : 1);
    return OK;
}
typedef struct { unsigned grid[3], block[3], shared; void *stream, *attributes; unsigned count; } Launch;
static int64_t launched, launches;
int64_t fake_launches(void) { return launches; }
int64_t fake_launched(void) { return launched; }   /* when the last kernel was launched, in ns of the monotonic clock */
int cuLaunchKernelEx(const Launch *launch, const char *name, void **args, void **extra) {
    char parameters[160] = "";
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    launched = now.tv_sec * 1000000000LL + now.tv_nsec;
    launches++;
    READY();
    if (!launch->grid[0] || !launch->grid[1] || !launch->grid[2] || launch->grid[0] > 0x7fffffffu ||
        launch->grid[1] > 65535 || launch->grid[2] > 65535) return INVALID_VALUE;
    for (int i = 0; i < shown_parameters; i++)   /* the low half: an int has no more */
        snprintf(parameters + strlen(parameters), sizeof parameters - strlen(parameters), " %x", *(unsigned *)args[i]);
    note("launch %s grid=%u,%u,%u threads=%u stream=%p device=%d%s", name, launch->grid[0], launch->grid[1],
         launch->grid[2], launch->block[0], launch->stream, stream_of(launch->stream)->device, parameters);
    return queue(launch->stream, (Node){2, 0, 0, 0, 0});
}

/* -- how cuda-bindings finds the functions */
int cuGetProcAddress_v2(const char *symbol, void **found, int version, uint64_t flags, int *status) {
    char name[256];
    const char *endings[] = {"_v2", "WithFlags", ""};
    *found = NULL;
    for (int i = 0; i < 3 && !*found; i++) {
        snprintf(name, sizeof name, "%s%s", symbol, endings[i]);
        *found = dlsym(RTLD_DEFAULT, name);
        if (*found && i == 1) break;
    }
    if (status) *status = *found ? 0 : 1;
    return *found ? OK : NOT_FOUND;
}
int cuGetProcAddress(const char *symbol, void **found, int version, uint64_t flags) {
    return cuGetProcAddress_v2(symbol, found, version, flags, NULL);
}
