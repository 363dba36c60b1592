#pragma once

#include <stddef.h>
#include <stdint.h>

/// How many digests can be made beside each other.
#define STEWARD_DIGEST_LANES 8

/// Adds blocks of 64 bytes to MD5 digests.
///
/// - states: the four words of each digest.
/// - bytes: for each digest, where its blocks are.
/// - lanes: how many digests, at least one and at most STEWARD_DIGEST_LANES.
/// - blocks: of each digest.
void steward_md5_blocks(uint32_t (*states)[4], const unsigned char *const *bytes, size_t lanes, size_t blocks);
