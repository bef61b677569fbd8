// SPDX-License-Identifier: Apache-2.0
//! Finds libopenexec.so: in the folder that OPENEXEC_LIB_DIR names, else where pkg-config knows openexec-c.

use std::env;

fn main() {
    println!("cargo:rerun-if-env-changed=OPENEXEC_LIB_DIR");
    if let Some(folder) = env::var_os("OPENEXEC_LIB_DIR") {
        println!("cargo:rustc-link-search=native={}", folder.to_string_lossy());
        println!("cargo:rustc-link-lib=dylib=openexec");
    } else if let Err(why) = pkg_config::Config::new().atleast_version("0.1").probe("openexec-c") {
        eprintln!("openexec-sys: pkg-config knows no openexec-c; install libopenexec-dev, or set PKG_CONFIG_PATH or");
        eprintln!("OPENEXEC_LIB_DIR to where libopenexec.so is. {why}");
        std::process::exit(1);
    }
}
