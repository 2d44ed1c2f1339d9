//! Answers that wait for functions to be ready are given beside the task, which goes on meanwhile.

use tokio::sync::oneshot;

use crate::project::FunctionId;
use crate::project::settings::Warm;
use crate::supervisor::handle::{ProjectStatus, Refused, ReloadOutcome, ReloadReport};
use crate::supervisor::readiness::Readiness;
use crate::supervisor::status;

use super::ProjectTask;

impl ProjectTask {
    /// Answers at once, or, where the user asked for it, when every function is initialised. The task goes on meanwhile.
    pub(super) fn answer_when_warm(
        &self,
        outcome: Result<ProjectStatus, Refused>,
        answer: oneshot::Sender<Result<ProjectStatus, Refused>>,
    ) {
        let live = self.running.as_ref().filter(|_| self.settings.warm == Warm::Eager);
        let (Ok(status), Some(live)) = (&outcome, live) else {
            drop(answer.send(outcome));
            return;
        };
        let (readiness, mut status) = (Readiness::of(live.functions.iter()), status.clone());
        let functions = live.functions.clone();
        let name = self.name().clone();
        self.beside(format!("INIT of {name}"), async move {
            for (function, problem) in readiness.wait().await {
                tracing::warn!(project = %name, %function, %problem, "INIT failed");
            }
            if let Some(running) = &mut status.running {
                running.functions = status::of_functions(&functions).await;
            }
            drop(answer.send(Ok(status)));
        });
    }

    /// A forced reload is answered when the new code is ready, or with why it is not.
    pub(super) fn answer_when_ready(
        &self,
        outcome: Result<(ReloadReport, Vec<FunctionId>), Refused>,
        answer: oneshot::Sender<Result<ReloadReport, Refused>>,
    ) {
        let (report, forced) = match outcome {
            Ok(done) => done,
            Err(refused) => {
                drop(answer.send(Err(refused)));
                return;
            }
        };
        let applied = matches!(report.outcome, ReloadOutcome::Applied { .. });
        let live = self.running.as_ref().filter(|_| applied).into_iter();
        let functions = live.flat_map(|live| &live.functions).filter(|(id, _)| forced.contains(id));
        let readiness = Readiness::of(functions);
        self.beside(format!("the reload of {}", self.name()), async move {
            let problems: Vec<String> = readiness
                .wait()
                .await
                .into_iter()
                .map(|(function, problem)| format!("{function}: {problem}"))
                .collect();
            let answered = if problems.is_empty() { Ok(report) } else { Err(Refused::Other(problems.join("\n"))) };
            drop(answer.send(answered));
        });
    }

    /// Runs what only waits beside the task. Should the daemon stop, whoever asked is told so by the dropped answer.
    fn beside(&self, name: String, waiting: impl Future<Output = ()> + Send + 'static) {
        let token = self.shared.requests.token();
        self.shared.requests.spawn(name, async move { token.run_until_cancelled_owned(waiting).await });
    }
}
