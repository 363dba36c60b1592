#include "digest_lanes.h"

#include <string.h>

// Steps of MD5 depend on each other, so that one digest leaves most of a processor idle. Two beside each other take as
// long as one, and three a fifth longer; eight, in the lanes of vector registers, twice as long or somewhat more. The
// functions and constants are those of RFC 1321, section 3.4; they are written once, for numbers and for vectors.

typedef uint32_t Vector __attribute__((vector_size(4 * STEWARD_DIGEST_LANES)));

#define F(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define G(x, y, z) (((x) & (z)) + ((y) & ~(z)))
#define H(x, y, z) ((x) ^ (y) ^ (z))
#define I(x, y, z) ((y) ^ ((x) | ~(z)))

#define ALL_STEPS \
    STEP(F, a, b, c, d,  0,  7, 0xd76aa478) STEP(F, d, a, b, c,  1, 12, 0xe8c7b756) \
    STEP(F, c, d, a, b,  2, 17, 0x242070db) STEP(F, b, c, d, a,  3, 22, 0xc1bdceee) \
    STEP(F, a, b, c, d,  4,  7, 0xf57c0faf) STEP(F, d, a, b, c,  5, 12, 0x4787c62a) \
    STEP(F, c, d, a, b,  6, 17, 0xa8304613) STEP(F, b, c, d, a,  7, 22, 0xfd469501) \
    STEP(F, a, b, c, d,  8,  7, 0x698098d8) STEP(F, d, a, b, c,  9, 12, 0x8b44f7af) \
    STEP(F, c, d, a, b, 10, 17, 0xffff5bb1) STEP(F, b, c, d, a, 11, 22, 0x895cd7be) \
    STEP(F, a, b, c, d, 12,  7, 0x6b901122) STEP(F, d, a, b, c, 13, 12, 0xfd987193) \
    STEP(F, c, d, a, b, 14, 17, 0xa679438e) STEP(F, b, c, d, a, 15, 22, 0x49b40821) \
    STEP(G, a, b, c, d,  1,  5, 0xf61e2562) STEP(G, d, a, b, c,  6,  9, 0xc040b340) \
    STEP(G, c, d, a, b, 11, 14, 0x265e5a51) STEP(G, b, c, d, a,  0, 20, 0xe9b6c7aa) \
    STEP(G, a, b, c, d,  5,  5, 0xd62f105d) STEP(G, d, a, b, c, 10,  9, 0x02441453) \
    STEP(G, c, d, a, b, 15, 14, 0xd8a1e681) STEP(G, b, c, d, a,  4, 20, 0xe7d3fbc8) \
    STEP(G, a, b, c, d,  9,  5, 0x21e1cde6) STEP(G, d, a, b, c, 14,  9, 0xc33707d6) \
    STEP(G, c, d, a, b,  3, 14, 0xf4d50d87) STEP(G, b, c, d, a,  8, 20, 0x455a14ed) \
    STEP(G, a, b, c, d, 13,  5, 0xa9e3e905) STEP(G, d, a, b, c,  2,  9, 0xfcefa3f8) \
    STEP(G, c, d, a, b,  7, 14, 0x676f02d9) STEP(G, b, c, d, a, 12, 20, 0x8d2a4c8a) \
    STEP(H, a, b, c, d,  5,  4, 0xfffa3942) STEP(H, d, a, b, c,  8, 11, 0x8771f681) \
    STEP(H, c, d, a, b, 11, 16, 0x6d9d6122) STEP(H, b, c, d, a, 14, 23, 0xfde5380c) \
    STEP(H, a, b, c, d,  1,  4, 0xa4beea44) STEP(H, d, a, b, c,  4, 11, 0x4bdecfa9) \
    STEP(H, c, d, a, b,  7, 16, 0xf6bb4b60) STEP(H, b, c, d, a, 10, 23, 0xbebfbc70) \
    STEP(H, a, b, c, d, 13,  4, 0x289b7ec6) STEP(H, d, a, b, c,  0, 11, 0xeaa127fa) \
    STEP(H, c, d, a, b,  3, 16, 0xd4ef3085) STEP(H, b, c, d, a,  6, 23, 0x04881d05) \
    STEP(H, a, b, c, d,  9,  4, 0xd9d4d039) STEP(H, d, a, b, c, 12, 11, 0xe6db99e5) \
    STEP(H, c, d, a, b, 15, 16, 0x1fa27cf8) STEP(H, b, c, d, a,  2, 23, 0xc4ac5665) \
    STEP(I, a, b, c, d,  0,  6, 0xf4292244) STEP(I, d, a, b, c,  7, 10, 0x432aff97) \
    STEP(I, c, d, a, b, 14, 15, 0xab9423a7) STEP(I, b, c, d, a,  5, 21, 0xfc93a039) \
    STEP(I, a, b, c, d, 12,  6, 0x655b59c3) STEP(I, d, a, b, c,  3, 10, 0x8f0ccc92) \
    STEP(I, c, d, a, b, 10, 15, 0xffeff47d) STEP(I, b, c, d, a,  1, 21, 0x85845dd1) \
    STEP(I, a, b, c, d,  8,  6, 0x6fa87e4f) STEP(I, d, a, b, c, 15, 10, 0xfe2ce6e0) \
    STEP(I, c, d, a, b,  6, 15, 0xa3014314) STEP(I, b, c, d, a, 13, 21, 0x4e0811a1) \
    STEP(I, a, b, c, d,  4,  6, 0xf7537e82) STEP(I, d, a, b, c, 11, 10, 0xbd3af235) \
    STEP(I, c, d, a, b,  2, 15, 0x2ad7d2bb) STEP(I, b, c, d, a,  9, 21, 0xeb86d391)

#if defined(__x86_64__) && defined(__linux__)
#define BEST_PROCESSOR __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define BEST_PROCESSOR
#endif

static inline __attribute__((always_inline)) uint32_t word_at(const unsigned char *bytes) {
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

// Keeps a sum apart from what is added to it next, which comes later: compilers that join the two make a digest wait.
#define KEEP(sum) __asm__("" : "+r"(sum));

#define STEP(function, a, b, c, d, word, shift, constant) \
    for (int n = 0; n < lanes; n++) { \
        a[n] += word_at(from[n] + 4 * word) + constant##u; \
        KEEP(a[n]) \
        a[n] += function(b[n], c[n], d[n]); \
        a[n] = (a[n] << shift | a[n] >> (32 - shift)) + b[n]; \
    }

// More than three digests do not find room in the registers for numbers.
#define FEW 3

// With a number of lanes that is known when this is compiled.
static inline __attribute__((always_inline)) void few(
    uint32_t (*states)[4], const unsigned char *const *bytes, size_t blocks, const int lanes) {
    uint32_t a[FEW], b[FEW], c[FEW], d[FEW];
    const unsigned char *from[FEW];
    for (int n = 0; n < lanes; n++) {
        a[n] = states[n][0]; b[n] = states[n][1]; c[n] = states[n][2]; d[n] = states[n][3];
        from[n] = bytes[n];
    }
    for (; blocks > 0; blocks--) {
        ALL_STEPS
        for (int n = 0; n < lanes; n++) {
            a[n] = states[n][0] += a[n]; b[n] = states[n][1] += b[n];
            c[n] = states[n][2] += c[n]; d[n] = states[n][3] += d[n];
            from[n] += 64;
        }
    }
}

static void one(uint32_t (*states)[4], const unsigned char *const *bytes, size_t blocks) {
    few(states, bytes, blocks, 1);
}

static void two(uint32_t (*states)[4], const unsigned char *const *bytes, size_t blocks) {
    few(states, bytes, blocks, 2);
}

static void three(uint32_t (*states)[4], const unsigned char *const *bytes, size_t blocks) {
    few(states, bytes, blocks, 3);
}

// Functions of three bits are one instruction where processors have one for any of them.
#define F_OF_VECTORS F
#define G_OF_VECTORS(x, y, z) ((y) ^ ((z) & ((x) ^ (y))))
#define H_OF_VECTORS H
#define I_OF_VECTORS I

#undef STEP
#define STEP(function, a, b, c, d, word, shift, constant) \
    a += w[word] + constant##u; \
    KEEP_VECTOR(a) \
    a += function##_OF_VECTORS(b, c, d); \
    a = (a << shift | a >> (32 - shift)) + b;

// Eight words of each of eight texts, turned: a vector has the same word of all.
static inline __attribute__((always_inline)) void turn(Vector *words, const unsigned char *const *from, size_t offset) {
    Vector rows[8], pairs[8], fours[8];
    for (int n = 0; n < 8; n++)
        rows[n] = (Vector){
            word_at(from[n] + offset), word_at(from[n] + offset + 4), word_at(from[n] + offset + 8),
            word_at(from[n] + offset + 12), word_at(from[n] + offset + 16), word_at(from[n] + offset + 20),
            word_at(from[n] + offset + 24), word_at(from[n] + offset + 28)};
    for (int n = 0; n < 8; n += 2) {
        pairs[n] = __builtin_shufflevector(rows[n], rows[n + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        pairs[n + 1] = __builtin_shufflevector(rows[n], rows[n + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int n = 0; n < 8; n += 4)
        for (int half = 0; half < 2; half++) {
            Vector x = pairs[n + half], y = pairs[n + 2 + half];
            fours[n + 2 * half] = __builtin_shufflevector(x, y, 0, 1, 8, 9, 4, 5, 12, 13);
            fours[n + 2 * half + 1] = __builtin_shufflevector(x, y, 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int n = 0; n < 4; n++) {
        words[n] = __builtin_shufflevector(fours[n], fours[n + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        words[n + 4] = __builtin_shufflevector(fours[n], fours[n + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

#define EIGHT(name, processor) \
    processor static void name(uint32_t (*states)[4], const unsigned char *const *bytes, size_t blocks) { \
        Vector a, b, c, d; \
        for (int lane = 0; lane < STEWARD_DIGEST_LANES; lane++) { \
            a[lane] = states[lane][0]; b[lane] = states[lane][1]; \
            c[lane] = states[lane][2]; d[lane] = states[lane][3]; \
        } \
        for (size_t offset = 0; offset < 64 * blocks; offset += 64) { \
            Vector w[16], before[4] = {a, b, c, d}; \
            turn(w, bytes, offset); \
            turn(w + 8, bytes, offset + 32); \
            ALL_STEPS \
            a += before[0]; b += before[1]; c += before[2]; d += before[3]; \
        } \
        for (int lane = 0; lane < STEWARD_DIGEST_LANES; lane++) { \
            states[lane][0] = a[lane]; states[lane][1] = b[lane]; \
            states[lane][2] = c[lane]; states[lane][3] = d[lane]; \
        } \
    }

#define KEEP_VECTOR(sum)
EIGHT(eight, BEST_PROCESSOR)

#if defined(__x86_64__) && defined(__linux__)
// With registers for 512 bits, in which a vector can be kept apart as numbers are above.
#undef KEEP_VECTOR
#define KEEP_VECTOR(sum) __asm__("" : "+x"(sum));
EIGHT(eight_quickly, __attribute__((target("arch=x86-64-v4"))))
static int is_quick(void) { return __builtin_cpu_supports("x86-64-v4"); }
#else
#define eight_quickly eight
static int is_quick(void) { return 0; }
#endif

void steward_md5_blocks(uint32_t (*states)[4], const unsigned char *const *bytes, size_t lanes, size_t blocks) {
    int quick = is_quick();
    switch (lanes) {
    case 1: one(states, bytes, blocks); return;
    case 2: two(states, bytes, blocks); return;
    case 3: three(states, bytes, blocks); return;
    // Up to five take less time in two goes, or as long.
    case 4: if (quick) break; two(states, bytes, blocks); two(states + 2, bytes + 2, blocks); return;
    case 5: if (quick) break; three(states, bytes, blocks); two(states + 3, bytes + 3, blocks); return;
    default: break;
    }
    // Lanes without work do again what the first one does.
    uint32_t all[STEWARD_DIGEST_LANES][4];
    const unsigned char *from[STEWARD_DIGEST_LANES];
    for (size_t lane = 0; lane < STEWARD_DIGEST_LANES; lane++) {
        size_t source = lane < lanes ? lane : 0;
        memcpy(all[lane], states[source], sizeof all[lane]);
        from[lane] = bytes[source];
    }
    if (quick) eight_quickly(all, from, blocks);
    else eight(all, from, blocks);
    memcpy(states, all, lanes * sizeof all[0]);
}
