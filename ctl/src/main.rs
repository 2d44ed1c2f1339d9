//! samctl.
fn main() {}
