// SPDX-License-Identifier: Apache-2.0
// Finds the characters to escape, sixteen at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace openexec::canon {

/// A mask over sixteen characters. Bit i is that of character i.
using BlockMask = std::uint32_t;

/// The mask of the first `size` characters.
constexpr BlockMask first_of(std::size_t size) { return (BlockMask{1} << size) - 1; }

#ifdef __SSE2__

class Block {
 public:
  static constexpr std::size_t size = 16;

  explicit Block(const char* text) : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(text))) {}
  void store(char* out) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes_); }

  BlockMask equal(char c) const { return mask(_mm_cmpeq_epi8(bytes_, _mm_set1_epi8(c))); }
  BlockMask control() const { return mask(_mm_cmpeq_epi8(_mm_min_epu8(bytes_, _mm_set1_epi8(0x1f)), bytes_)); }
  BlockMask not_ascii() const { return mask(bytes_); }

 private:
  static BlockMask mask(__m128i flags) { return static_cast<BlockMask>(_mm_movemask_epi8(flags)); }
  __m128i bytes_;
};

#else

class Block {
 public:
  static constexpr std::size_t size = 16;

  explicit Block(const char* text) { std::memcpy(bytes_, text, size); }
  void store(char* out) const { std::memcpy(out, bytes_, size); }

  BlockMask equal(char c) const {
    return mask([c](unsigned char byte) { return byte == static_cast<unsigned char>(c); });
  }
  BlockMask control() const {
    return mask([](unsigned char byte) { return byte < 0x20; });
  }
  BlockMask not_ascii() const {
    return mask([](unsigned char byte) { return byte >= 0x80; });
  }

 private:
  template <class Predicate>
  BlockMask mask(Predicate meant) const {
    BlockMask flags = 0;
    for (std::size_t i = 0; i < size; ++i) flags |= BlockMask{meant(bytes_[i])} << i;
    return flags;
  }
  unsigned char bytes_[size];
};

#endif

}  // namespace openexec::canon
