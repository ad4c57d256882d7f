// SPDX-License-Identifier: LGPL-2.1-or-later
// plan-seeds DIRECTORY FILE...: compiles documents and writes the encoded plans, as inputs for fuzz-plan to start from.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "lib/plan/codec.hpp"
#include "lib/plan/compile.hpp"

int main(int argc, char** argv) {
    namespace fs = std::filesystem;
    const fs::path directory(argc > 1 ? argv[1] : "");
    fs::create_directories(directory);
    for (int i = 2; i < argc; ++i) {
        const fs::path file(argv[i]);
        std::ifstream in(file);
        const std::string text(std::istreambuf_iterator<char>(in), {});
        const auto compiled = xctl::plan::compile_document(text, argv[i], {}, "/bundle", "box", {});
        if (!compiled) {
            std::cerr << compiled.error().message << '\n';
            return 1;
        }
        std::ofstream(directory / file.stem(), std::ios::binary) << xctl::plan::encode(compiled->plan);
    }
    return 0;
}
