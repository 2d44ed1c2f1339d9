//! Any text is refused with its place, or is a project that can be served.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| samd_tests::properties::template(data));
