//! A sandbox that is a process: the runtime, its gate, and the extensions beside it.
//!
//! The runtime is a process group of its own, and so is each extension, so that whatever the runtime leaves behind ends
//! with it while the extensions may still say what they have to say.

use std::io::{PipeWriter, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, setpriority_pgrp};
use tokio::process::Child;

use crate::lambda::error::Exit;

use super::super::{Happening, Sandbox, debug, memory};
use super::extensions::Extensions;
use super::sweep::end_all;

/// What the gate's pipe takes without anyone reading it is 64 KiB; the rest is for opening it.
pub(super) const GATE_ROOM: usize = 60 * 1024;

/// The niceness of what stands back: whoever is not nice goes first, and where nobody wants the processor it loses nothing.
const NICE: i32 = 10;

/// A child and its process group.
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) pid: Option<u32>,
    pub(super) gate: Option<PipeWriter>,
    /// Bytes that may still be written to it.
    pub(super) gate_room: usize,
    pub(super) extensions: Extensions,
    /// What is found in the environment of all processes that it starts.
    pub(super) marks: Vec<String>,
    /// In bytes.
    pub(super) memory_limit: u64,
    /// On which a debugger may attach.
    pub(super) debug_port: Option<u16>,
    pub(super) exit: Option<Exit>,
    /// Its end has been told as a happening.
    pub(super) told: bool,
}

impl Process {
    fn group(&self) -> Option<Pid> {
        self.pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw)
    }

    fn kill_group(&self) {
        if let Some(group) = self.group() {
            signal_group(group, Signal::KILL);
        }
    }

    async fn ended(&mut self) -> Exit {
        if let Some(exit) = self.exit {
            return exit;
        }
        let exit = self.child.wait().await.map_or(Exit::Status(0), exit_of);
        // Whatever the runtime left behind in its group goes with it.
        self.kill_group();
        self.exit = Some(exit);
        exit
    }

    fn signal_all(&self, signal: Signal) {
        if self.exit.is_none()
            && let Some(group) = self.group()
        {
            signal_group(group, signal);
        }
        self.extensions.signal(signal);
    }
}

/// Signals a group; one that has ended by itself needs none.
pub(super) fn signal_group(group: Pid, signal: Signal) {
    if let Err(problem) = kill_process_group(group, signal) {
        tracing::debug!(?group, ?signal, %problem, "a process group was not signalled");
    }
}

impl Sandbox for Process {
    fn pid(&self) -> Option<u32> {
        self.pid
    }

    fn preload(&mut self, modules: &[String]) {
        let line = format!("preload {}\n", modules.join(","));
        if let (Some(gate), Some(left)) = (&mut self.gate, self.gate_room.checked_sub(line.len())) {
            self.gate_room = left;
            // Should the process be gone, its exit tells.
            drop(gate.write_all(line.as_bytes()));
        }
    }

    fn release(&mut self) {
        if !self.extensions.launch() {
            self.start_runtime();
        }
    }

    fn start_runtime(&mut self) {
        if let Some(mut gate) = self.gate.take() {
            // The pipe takes these few bytes without waiting; should the process be gone, its exit tells.
            drop(gate.write_all(b"learn\ngo\n"));
        }
    }

    fn stand_back(&mut self) {
        // One that has ended disturbs nobody.
        if let Some(group) = self.group().filter(|_| self.exit.is_none())
            && let Err(problem) = setpriority_pgrp(Some(group), NICE)
        {
            tracing::debug!(?group, %problem, "a sandbox does not stand back");
        }
    }

    fn wait(&mut self) -> BoxFuture<'_, Exit> {
        self.ended().boxed()
    }

    fn happening(&mut self) -> BoxFuture<'_, Happening> {
        async move {
            if self.exit.is_some() {
                return match std::mem::replace(&mut self.told, true) {
                    true => Happening::Extension(self.extensions.notice().await),
                    false => Happening::Exit(self.ended().await),
                };
            }
            tokio::select! {
                biased;
                notice = self.extensions.notice() => return Happening::Extension(notice),
                status = self.child.wait() => self.exit = Some(status.map_or(Exit::Status(0), exit_of)),
            }
            self.kill_group();
            self.told = true;
            Happening::Exit(self.ended().await)
        }
        .boxed()
    }

    fn end_runtime(&mut self, by_force: bool) {
        match (self.exit, by_force, self.group()) {
            (Some(_), _, _) | (None, _, None) => {}
            (None, true, Some(group)) => signal_group(group, Signal::KILL),
            (None, false, Some(runtime)) => {
                // It has ended by itself, mostly.
                if let Err(problem) = kill_process(runtime, Signal::TERM) {
                    tracing::debug!(?runtime, %problem, "a runtime was not told to end");
                }
            }
        }
    }

    fn freeze(&mut self) {
        self.signal_all(Signal::STOP);
    }

    fn thaw(&mut self) -> BoxFuture<'_, ()> {
        self.signal_all(Signal::CONT);
        std::future::ready(()).boxed()
    }

    fn kill(&mut self) {
        if self.exit.is_none() {
            self.kill_group();
        }
        self.extensions.signal(Signal::KILL);
    }

    /// A process that made a session of its own is in no group of ours and nobody's child: its environment tells.
    fn sweep(&mut self) -> BoxFuture<'_, ()> {
        let marks = std::mem::take(&mut self.marks);
        async move {
            let is_marked = move |variable: &[u8]| marks.iter().any(|mark| variable == mark.as_bytes());
            match tokio::task::spawn_blocking(move || end_all(is_marked)).await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "ended processes that had left their sandbox"),
                Err(problem) => tracing::warn!(%problem, "what a sandbox left behind could not be looked for"),
            }
        }
        .boxed()
    }

    fn memory(&self) -> memory::Usage {
        let runtime = self.pid.filter(|_| self.exit.is_none());
        let pids = runtime.into_iter().chain(self.extensions.pids());
        pids.map(|pid| memory::of_tree(pid, self.memory_limit)).fold(memory::Usage::default(), |all, one| {
            memory::Usage { current: all.current + one.current, peak: all.peak + one.peak }
        })
    }

    fn is_debugged(&self) -> bool {
        self.debug_port.is_some_and(|port| debug::is_attached(self.pid, port))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(super) fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Status(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Status(0),
    }
}
