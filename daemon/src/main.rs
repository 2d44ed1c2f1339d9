//! samd.
fn main() {}
