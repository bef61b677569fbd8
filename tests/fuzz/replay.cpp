// SPDX-License-Identifier: Apache-2.0
// Replays recorded inputs without a fuzzer, so that every compiler can: each file of the folders that are named, and
// what is left when it breaks off early. A promise that breaks aborts, and the input's name has been printed by then.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t most_cuts = 64;  // of one input

std::size_t replay(const std::string& text) {
  // An allocation of exactly the size lets a sanitizer see a read past the end.
  const auto run = [&](std::size_t size) {
    const std::vector<std::uint8_t> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    (void)LLVMFuzzerTestOneInput(exact.data(), exact.size());
  };
  const std::size_t step = std::max<std::size_t>(text.size() / most_cuts, 1);
  std::size_t runs = 1;
  run(text.size());
  for (std::size_t size = 0; size < text.size(); size += step, ++runs) run(size);
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  std::size_t runs = 0;
  for (int i = 1; i < argc; ++i) {
    std::vector<std::filesystem::path> inputs;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) inputs.push_back(entry.path());
    std::sort(inputs.begin(), inputs.end());
    for (const auto& path : inputs) {
      std::ifstream in(path, std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      std::printf("%s\n", path.filename().c_str());
      std::fflush(stdout);
      runs += replay(text);
      ++files;
    }
  }
  std::printf("%zu inputs, replayed %zu times whole or cut\n", files, runs);
  return files == 0 ? 1 : 0;
}
