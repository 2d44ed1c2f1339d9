//! The embedded runtime clients: the same handlers under AWS's own clients and under ours, and what is ours alone.

mod clients;
mod freshness;
mod gate;
mod node;
mod ours;
mod provided;
mod python;
mod transcript;
