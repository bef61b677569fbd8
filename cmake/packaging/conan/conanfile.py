# SPDX-License-Identifier: Apache-2.0
"""Conan 2 recipe: conan create cmake/packaging/conan. The sources are those that the recipe lies in."""
import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load


class OpenExec(ConanFile):
    name = "openexec"
    package_type = "static-library"
    license = "Apache-2.0"
    description = "A deterministic execution boundary for AI systems"
    topics = ("ai", "security", "transparency-log")
    settings = "os", "arch", "compiler", "build_type"
    options = {"service": [True, False], "patterns": [True, False]}
    default_options = {"service": False, "patterns": False}

    def set_version(self):
        cmake = load(self, os.path.join(self.recipe_folder, "../../../CMakeLists.txt"))
        self.version = cmake.split("project(OpenExec VERSION ")[1].split()[0]

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "../../..")
        for pattern in ("CMakeLists.txt", "LICENSE", "include/*", "lib/*", "capi/*", "cmake/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def requirements(self):
        self.requires("openssl/[>=3.0 <4]")
        self.requires("sqlite3/[>=3.40 <4]")
        self.requires("simdjson/[>=3.0 <4]")
        if self.options.patterns:
            self.requires("re2/[>=20220601]")
        if self.options.service:
            self.requires("boost/[>=1.81 <2]")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        for part in ("TOOLS", "EXAMPLES", "TESTS", "BENCH"):
            toolchain.cache_variables[f"OPENEXEC_BUILD_{part}"] = False
        toolchain.cache_variables["OPENEXEC_BUILD_SERVICE"] = bool(self.options.service)
        toolchain.cache_variables["OPENEXEC_WITH_RE2"] = bool(self.options.patterns)
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        # The package files that OpenExec installs say all of it; nothing is said twice here.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/OpenExec"]
