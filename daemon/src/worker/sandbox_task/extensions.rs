//! A sandbox's extensions: their calls, their processes' ends, and what the two mean for INIT and invocations.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::lambda::Invocation;
use crate::lambda::environment;
use crate::lambda::extension::ExtensionRefusal;
use crate::project::Function;
use crate::project::function::Package;
use crate::runtime_api::{ExtensionCall, ExtensionEvent, Registered, SubscriptionRefusal};
use crate::sandbox::{Notice, StartError};

use super::{End, Task, tell};

type Waiting = oneshot::Sender<Result<ExtensionEvent, ExtensionRefusal>>;

impl Task {
    /// What became of an external extension.
    pub(super) fn noticed(&mut self, notice: Notice) -> Option<End> {
        match notice {
            Notice::Launched(name) => self.extensions.launched(&name),
            Notice::NotLaunched(name, reason) => {
                return Some(failed(
                    "Extension.LaunchError",
                    format!("extension {name} could not be started: {reason}"),
                ));
            }
            Notice::Complete => {
                self.extensions.launch_complete();
                self.start_runtime();
            }
            Notice::Ended(name, exit) => {
                self.extensions.ended(&name);
                self.waiting.retain(|_, reply| !reply.is_closed());
                if self.shutdown.is_none() {
                    let how = exit.reason().replacen("Runtime", &format!("extension {name}"), 1);
                    return Some(failed("Extension.Crash", how));
                }
            }
        }
        None
    }

    /// The runtime follows when all external extensions have registered.
    fn start_runtime(&mut self) {
        if self.extensions.all_registered() && !self.runtime_started {
            self.runtime_started = true;
            self.sandbox.start_runtime();
        }
    }

    pub(super) fn extension_call(&mut self, call: ExtensionCall) -> Option<End> {
        match call {
            ExtensionCall::Register { name, events, id, reply } => {
                let registered = self.extensions.register(&name, &events, id);
                tell(reply, registered.map(|()| greeting(&self.context.function)));
                self.start_runtime();
            }
            ExtensionCall::Next { id, reply } => match self.extensions.next_asked(&id) {
                Ok(()) => self.wait(id, reply),
                Err(refusal) => tell(reply, Err(refusal)),
            },
            ExtensionCall::Failed { id, init, error_type, reply } => {
                let taken = if init { self.extensions.init_error(&id) } else { self.extensions.exit_error(&id) };
                let name = taken.as_ref().ok().cloned();
                tell(reply, taken.map(|_| ()));
                let kind = if init { "Extension.InitError" } else { "Extension.ExitError" };
                let ends = name.filter(|_| self.shutdown.is_none());
                return ends.map(|name| failed(kind, format!("extension {name} failed: {error_type}")));
            }
            ExtensionCall::Subscribe { id, subscription, reply } => {
                let name = self.extensions.name(&id).map_err(SubscriptionRefusal::Extension);
                let open = if self.extensions.is_closed() { Err(SubscriptionRefusal::Closed) } else { Ok(()) };
                let taken = name.and_then(|name| {
                    open?;
                    self.scribe.subscribe(&name, subscription).map_err(SubscriptionRefusal::OtherApi)
                });
                tell(reply, taken);
            }
        }
        None
    }

    fn wait(&mut self, id: Arc<str>, reply: Waiting) {
        match self.shutdown {
            Some((deadline_ms, reason)) if self.extensions.hears_of_shutdown(&id) => {
                tell(reply, Ok(ExtensionEvent::Shutdown { deadline_ms, reason }));
            }
            Some(_) | None => drop(self.waiting.insert(id, reply)),
        }
        self.went_on();
    }

    /// Those who asked for it are told of an invocation.
    pub(super) fn tell_of_invocation(&mut self, invocation: &Invocation, request_id: &Arc<str>, deadline_ms: u64) {
        for id in self.extensions.invoke() {
            if let Some(reply) = self.waiting.remove(&id) {
                let event = ExtensionEvent::Invoke {
                    deadline_ms,
                    request_id: request_id.clone(),
                    invoked_arn: invocation.invoked_arn.clone(),
                    trace_id: invocation.trace_id.clone(),
                };
                tell(reply, Ok(event));
            }
        }
    }

    /// Those who asked for it, and wait, are told of the end.
    pub(super) fn tell_of_shutdown(&mut self) {
        let Some((deadline_ms, reason)) = self.shutdown else { return };
        let extensions = &self.extensions;
        for (_, reply) in self.waiting.extract_if(|id, _| extensions.hears_of_shutdown(id)) {
            tell(reply, Ok(ExtensionEvent::Shutdown { deadline_ms, reason }));
        }
    }
}

fn failed(error_type: &'static str, reason: String) -> End {
    End::Extension(StartError { error_type, reason })
}

fn greeting(function: &Function) -> Registered {
    Registered {
        function_name: function.name.clone(),
        function_version: environment::version(function),
        handler: match &function.package {
            Package::Zip { handler, .. } => handler.clone(),
            Package::Image { .. } => String::new(),
        },
        account_id: function.arn.split(':').nth(4).unwrap_or_default().to_owned(),
    }
}
