//! The embedded Lambda runtime clients, and the interpreters that run them.
//!
//! Owns what stands between the Runtime API and a handler in Python or Node.js when no container brings AWS's own client:
//! the clients' sources (`python/`, `node/`), their way onto the disk, the command that starts them, and the search for
//! the interpreter. It never starts a sandbox and never talks to one.
//!
//! A client is started in the code folder with the function's environment and connects to `AWS_LAMBDA_RUNTIME_API`. Its
//! standard input is the gate: until the line `go` arrives it loads nothing of the user's, so that an interpreter may be
//! started ahead of need. `preload a,b` before it imports modules early, none of the user's among them; `learn` asks the
//! client to tell, after its first answer, which modules INIT loaded from elsewhere than the code folder; the end of the
//! input ends the client quietly.

mod candidates;
mod clients;
mod interpreter;
mod probe;

pub use clients::{Clients, files};
pub use interpreter::{Interpreter, Interpreters, Version};
