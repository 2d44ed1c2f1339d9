//! The control port: its messages, its guard, its endpoints, and the command line in front of it.

mod calls;
mod goldens;
mod openapi;
mod samctl;
mod security;
mod stopping;
