/* Writes or reads one image several times with cfitsio and nothing else; prints the median of the seconds.
 *
 *     fits_alone write|read PATH ROWS COLUMNS COUNT none|gzip2|rice1
 *
 * The file has what Steward's has: an empty primary HDU, the image, DATASUM and CHECKSUM in both.
 */
#include <fitsio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check(int status) {
    if (status == 0) return;
    fits_report_error(stderr, status);
    exit(1);
}

static void write_image(const char *path, long *axes, float *pixels, const char *compression) {
    fitsfile *file;
    int status = 0;
    long first[2] = {1, 1};
    unlink(path);
    fits_create_file(&file, path, &status);
    fits_create_img(file, BYTE_IMG, 0, NULL, &status);
    fits_write_chksum(file, &status);
    if (strcmp(compression, "gzip2") == 0) {
        fits_set_compression_type(file, GZIP_2, &status);
        fits_set_quantize_level(file, 0, &status);
    } else if (strcmp(compression, "rice1") == 0) {
        fits_set_compression_type(file, RICE_1, &status);
        fits_set_quantize_level(file, 16, &status);
        fits_set_quantize_method(file, SUBTRACTIVE_DITHER_1, &status);
        fits_set_dither_seed(file, 1, &status);
    }
    fits_create_img(file, FLOAT_IMG, 2, axes, &status);
    fits_write_pix(file, TFLOAT, first, axes[0] * axes[1], pixels, &status);
    fits_write_chksum(file, &status);
    fits_close_file(file, &status);
    check(status);
}

static void read_image(const char *path, long *axes, float *pixels) {
    fitsfile *file;
    int status = 0, any;
    long first[2] = {1, 1};
    fits_open_file(&file, path, READONLY, &status);
    fits_movabs_hdu(file, 2, NULL, &status);
    fits_read_pix(file, TFLOAT, first, axes[0] * axes[1], NULL, pixels, &any, &status);
    fits_close_file(file, &status);
    check(status);
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    int writes = strcmp(argv[1], "write") == 0, count = atoi(argv[5]);
    long axes[2] = {atol(argv[4]), atol(argv[3])};
    size_t total = (size_t)(axes[0] * axes[1]);
    float *pixels = malloc(total * sizeof *pixels);
    double *seconds = malloc(count * sizeof *seconds);
    unsigned state = 1;
    for (size_t i = 0; i < total; i++) {
        state = state * 1664525u + 1013904223u;
        pixels[i] = 1000 + (float)(state >> 24) * 0.25f + (float)(state >> 8 & 0xFF) * 0.125f;
    }
    for (int i = 0; i < count; i++) {
        double start = now();
        if (writes) {
            write_image(argv[2], axes, pixels, argv[6]);
        } else {
            /* A reader does not know beforehand where the pixels go. */
            float *fresh = malloc(total * sizeof *fresh);
            read_image(argv[2], axes, fresh);
            free(fresh);
        }
        seconds[i] = now() - start;
    }
    qsort(seconds, count, sizeof *seconds, ascending);
    printf("{\"seconds\": %.6f}\n", seconds[count / 2]);
    return 0;
}
