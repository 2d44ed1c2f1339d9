//! Tests of systemd.
