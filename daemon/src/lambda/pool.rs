//! The pool of one function version: which sandbox serves which invocation, when a new one is started, and what
//! happens to those who wait.
//!
//! It takes events and returns actions; it holds tokens (`W`: a waiting invocation) that it never looks into, and knows
//! no clock but the times it is given. An init failure goes to the one who has waited longest and is never answered by
//! another start on its behalf.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A sandbox's number, unique within its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SandboxId(pub u64);

/// What the owner of the pool must do.
#[derive(Debug, PartialEq, Eq)]
pub enum Action<W> {
    /// Start a sandbox under this number.
    Start(SandboxId),
    /// Hand the invocation to the sandbox, which is ready.
    Assign(SandboxId, W),
    /// Stop the sandbox; it has nothing to do.
    Stop(SandboxId),
    /// Answer the invocation with a throttle.
    Throttle(W),
}

/// What the pool may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most sandboxes at once.
    pub sandboxes: u32,
    /// The most invocations that wait; 0 throttles whatever cannot be served or started for at once, as reserved
    /// concurrency does on AWS.
    pub waiting: usize,
    /// A sandbox that served nothing for so long is stopped.
    pub idle_expiry: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Starting,
    Idle {
        since: Instant,
    },
    Busy,
    /// It has answered and will ask for work in a moment; after `until` it counts as busy with something of its own.
    Answered {
        until: Instant,
    },
}

/// So long one who waits counts on a sandbox that has answered, before another is started for him.
const RETURN: Duration = Duration::from_millis(30);

/// The pool.
#[derive(Debug)]
pub struct Pool<W> {
    limits: Limits,
    sandboxes: Vec<(SandboxId, Standing)>,
    waiting: VecDeque<W>,
    next_id: u64,
    /// The one that is used first.
    front: Option<SandboxId>,
    /// Until then one sandbox has the machine for itself.
    pace: Option<Instant>,
}

impl<W> Pool<W> {
    /// An empty pool.
    #[must_use]
    pub fn new(limits: Limits) -> Pool<W> {
        Pool { limits, sandboxes: Vec::new(), waiting: VecDeque::new(), next_id: 0, front: None, pace: None }
    }

    /// An invocation came. The front is preferred, and of the others the one that served most recently, since its caches
    /// are warm.
    pub fn invoke(&mut self, invocation: W, actions: &mut Vec<Action<W>>) {
        if let Some(id) = self.idle_front().or_else(|| self.freshest_idle()) {
            self.set(id, Standing::Busy);
            actions.push(Action::Assign(id, invocation));
            return;
        }
        // With reserved concurrency those who wait are exactly those for whom a sandbox is coming.
        let starts = self.coming() <= self.waiting.len() && self.may_start();
        if !starts && self.waiting.len() >= self.limits.waiting.max(self.coming() + self.held_back()) {
            actions.push(Action::Throttle(invocation));
            return;
        }
        self.waiting.push_back(invocation);
        if starts {
            self.start(actions);
        }
    }

    /// After an edit: starts one sandbox now, and further ones for those who still wait at `until`, so that its INIT is
    /// not slowed down by others that nobody may need.
    pub fn pace(&mut self, until: Instant, actions: &mut Vec<Action<W>>) {
        self.warm(1, actions);
        self.pace = Some(until);
    }

    /// Starts sandboxes until `count` exist, as far as the limit goes.
    pub fn warm(&mut self, count: u32, actions: &mut Vec<Action<W>>) {
        while self.sandboxes.len() < count as usize && self.has_room() {
            self.start(actions);
        }
    }

    /// Other limits hold from now on. Idle sandboxes beyond them are stopped, the stalest first; busy ones finish what
    /// they have.
    pub fn limit(&mut self, limits: Limits, actions: &mut Vec<Action<W>>) {
        self.limits = limits;
        while self.sandboxes.len() > limits.sandboxes as usize {
            let Some(id) = self.stalest_idle() else { break };
            self.sandboxes.retain(|(other, _)| *other != id);
            actions.push(Action::Stop(id));
        }
        self.start_for_those_who_wait(actions);
    }

    /// A sandbox has answered its invocation. Whoever got that answer may invoke again before the sandbox asks for work,
    /// and is to find it rather than another.
    pub fn answered(&mut self, id: SandboxId, now: Instant) {
        self.set(id, Standing::Answered { until: now + RETURN });
    }

    /// A sandbox asks for work: after INIT, or after an invocation. One that is to stop gets none.
    pub fn ready(&mut self, id: SandboxId, now: Instant, actions: &mut Vec<Action<W>>) {
        if !self.sandboxes.iter().any(|(other, _)| *other == id) {
            return;
        }
        match self.waiting.pop_front() {
            Some(invocation) => {
                self.set(id, Standing::Busy);
                actions.push(Action::Assign(id, invocation));
            }
            None => self.set(id, Standing::Idle { since: now }),
        }
    }

    /// Another is to take the place of a sandbox that serves nobody.
    pub fn replace(&mut self, id: SandboxId, actions: &mut Vec<Action<W>>) {
        let is_free = |(other, standing): &(SandboxId, Standing)| {
            *other == id && matches!(standing, Standing::Idle { .. } | Standing::Starting)
        };
        if let Some(place) = self.sandboxes.iter().position(is_free) {
            self.sandboxes.remove(place);
            actions.push(Action::Stop(id));
            self.start(actions);
        }
    }

    /// A sandbox is gone. When it never got ready, the one who waited longest is returned: the failure is its answer.
    /// For others who still wait, a new start takes the place of the lost one.
    #[must_use]
    pub fn gone(&mut self, id: SandboxId, actions: &mut Vec<Action<W>>) -> Option<W> {
        let place = self.sandboxes.iter().position(|(other, _)| *other == id)?;
        let (_, standing) = self.sandboxes.remove(place);
        let failed = if standing == Standing::Starting { self.waiting.pop_front() } else { None };
        if self.coming() < self.waiting.len() && self.may_start() {
            self.start(actions);
        }
        failed
    }

    /// Time has passed: stops what has been idle for too long, counts no more on what does not come back, and says when
    /// to ask again.
    pub fn expire(&mut self, now: Instant, actions: &mut Vec<Action<W>>) -> Option<Instant> {
        let expiry = self.limits.idle_expiry;
        self.sandboxes.retain_mut(|(id, standing)| match standing {
            Standing::Idle { since } if now.duration_since(*since) >= expiry => {
                actions.push(Action::Stop(*id));
                false
            }
            Standing::Answered { until } if *until <= now => {
                *standing = Standing::Busy;
                true
            }
            Standing::Idle { .. } | Standing::Starting | Standing::Busy | Standing::Answered { .. } => true,
        });
        self.pace = self.pace.filter(|until| *until > now);
        self.start_for_those_who_wait(actions);
        let due = self.sandboxes.iter().filter_map(|(_, standing)| match standing {
            Standing::Idle { since } => Some(*since + expiry),
            Standing::Answered { until } => Some(*until),
            Standing::Starting | Standing::Busy => None,
        });
        due.chain(self.pace).min()
    }

    /// Nobody can invoke any more: stops what has nothing to do. True when nothing is left.
    pub fn drain(&mut self, actions: &mut Vec<Action<W>>) -> bool {
        let nobody_waits = self.waiting.is_empty();
        self.sandboxes.retain(|(id, standing)| {
            let keep = match standing {
                Standing::Idle { .. } => false,
                Standing::Starting => !nobody_waits,
                Standing::Busy | Standing::Answered { .. } => true,
            };
            if !keep {
                actions.push(Action::Stop(*id));
            }
            keep
        });
        self.sandboxes.is_empty() && nobody_waits
    }

    /// A newer version takes over: all who wait go to it, and what is still starting is stopped.
    pub fn hand_over(&mut self, actions: &mut Vec<Action<W>>) -> Vec<W> {
        self.sandboxes.retain(|(id, standing)| {
            let abandoned = *standing == Standing::Starting;
            if abandoned {
                actions.push(Action::Stop(*id));
            }
            !abandoned
        });
        self.waiting.drain(..).collect()
    }

    /// Whether a sandbox is the one that is used first. The others are there for what comes at the same time.
    #[must_use]
    pub fn is_front(&self, id: SandboxId) -> bool {
        self.front == Some(id)
    }

    /// Invocations that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Sandboxes that exist, starting ones among them.
    #[must_use]
    pub fn size(&self) -> usize {
        self.sandboxes.len()
    }

    fn start(&mut self, actions: &mut Vec<Action<W>>) {
        let id = SandboxId(self.next_id);
        self.next_id += 1;
        if self.front.is_none_or(|front| !self.sandboxes.iter().any(|(other, _)| *other == front)) {
            self.front = Some(id);
        }
        self.sandboxes.push((id, Standing::Starting));
        actions.push(Action::Start(id));
    }

    fn has_room(&self) -> bool {
        self.sandboxes.len() < self.limits.sandboxes as usize
    }

    /// Sandboxes that will ask for work soon.
    fn coming(&self) -> usize {
        let soon = |standing: &Standing| matches!(standing, Standing::Starting | Standing::Answered { .. });
        self.sandboxes.iter().filter(|(_, standing)| soon(standing)).count()
    }

    fn start_for_those_who_wait(&mut self, actions: &mut Vec<Action<W>>) {
        while self.coming() < self.waiting.len() && self.may_start() {
            self.start(actions);
        }
    }

    fn may_start(&self) -> bool {
        self.has_room() && (self.pace.is_none() || self.sandboxes.is_empty())
    }

    /// Sandboxes that will be started only after the first one.
    fn held_back(&self) -> usize {
        let room = (self.limits.sandboxes as usize).saturating_sub(self.sandboxes.len());
        if self.pace.is_some() { room } else { 0 }
    }

    fn stalest_idle(&self) -> Option<SandboxId> {
        let idle = self.sandboxes.iter().filter_map(|(id, standing)| match standing {
            Standing::Idle { since } => Some((*since, *id)),
            Standing::Starting | Standing::Busy | Standing::Answered { .. } => None,
        });
        idle.min().map(|(_, id)| id)
    }

    fn idle_front(&self) -> Option<SandboxId> {
        let is_idle =
            |(id, standing): &&(SandboxId, Standing)| self.is_front(*id) && matches!(standing, Standing::Idle { .. });
        self.sandboxes.iter().find(is_idle).map(|(id, _)| *id)
    }

    fn freshest_idle(&self) -> Option<SandboxId> {
        let idle = self.sandboxes.iter().filter_map(|(id, standing)| match standing {
            Standing::Idle { since } => Some((*since, *id)),
            Standing::Starting | Standing::Busy | Standing::Answered { .. } => None,
        });
        idle.max().map(|(_, id)| id)
    }

    fn set(&mut self, id: SandboxId, to: Standing) {
        if let Some((_, standing)) = self.sandboxes.iter_mut().find(|(other, _)| *other == id) {
            *standing = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SandboxId = SandboxId(0);
    const TWO: SandboxId = SandboxId(1);

    fn pool(sandboxes: u32, waiting: usize) -> Pool<char> {
        Pool::new(Limits { sandboxes, waiting, idle_expiry: Duration::from_secs(60) })
    }

    fn invoke(pool: &mut Pool<char>, name: char) -> Vec<Action<char>> {
        let mut actions = Vec::new();
        pool.invoke(name, &mut actions);
        actions
    }

    fn ready(pool: &mut Pool<char>, id: SandboxId, now: Instant) -> Vec<Action<char>> {
        let mut actions = Vec::new();
        pool.ready(id, now, &mut actions);
        actions
    }

    #[test]
    fn the_first_invocation_starts_a_sandbox_and_gets_it() {
        let mut pool = pool(10, 100);
        assert_eq!(invoke(&mut pool, 'a'), [Action::Start(ONE)]);
        assert_eq!(ready(&mut pool, ONE, Instant::now()), [Action::Assign(ONE, 'a')]);
        assert_eq!(ready(&mut pool, ONE, Instant::now()), []);
        assert_eq!(invoke(&mut pool, 'b'), [Action::Assign(ONE, 'b')]);
    }

    #[test]
    fn as_many_sandboxes_as_concurrent_invocations_up_to_the_limit() {
        let mut pool = pool(2, 100);
        assert_eq!(invoke(&mut pool, 'a'), [Action::Start(ONE)]);
        assert_eq!(invoke(&mut pool, 'b'), [Action::Start(TWO)]);
        assert_eq!(invoke(&mut pool, 'c'), []);
        let now = Instant::now();
        assert_eq!(ready(&mut pool, ONE, now), [Action::Assign(ONE, 'a')]);
        assert_eq!(ready(&mut pool, TWO, now), [Action::Assign(TWO, 'b')]);
        assert_eq!(ready(&mut pool, ONE, now), [Action::Assign(ONE, 'c')]);
    }

    #[test]
    fn reserved_concurrency_throttles_what_exceeds_it_and_zero_throttles_all() {
        let mut reserved = pool(1, 0);
        assert_eq!(invoke(&mut reserved, 'a'), [Action::Start(ONE)]);
        assert_eq!(invoke(&mut reserved, 'b'), [Action::Throttle('b')]);
        assert_eq!(ready(&mut reserved, ONE, Instant::now()), [Action::Assign(ONE, 'a')]);
        assert_eq!(invoke(&mut reserved, 'c'), [Action::Throttle('c')]);
        assert_eq!(invoke(&mut pool(0, 0), 'a'), [Action::Throttle('a')]);
    }

    #[test]
    fn an_init_failure_answers_one_who_waits_and_is_not_retried_for_him() {
        let mut pool = pool(1, 100);
        let mut actions = Vec::new();
        pool.invoke('a', &mut actions);
        pool.invoke('b', &mut actions);
        actions.clear();
        assert_eq!(pool.gone(ONE, &mut actions), Some('a'));
        assert_eq!(actions, [Action::Start(TWO)], "b has not been answered yet");
        actions.clear();
        assert_eq!(pool.gone(TWO, &mut actions), Some('b'));
        assert_eq!(actions, [], "nobody waits, so nothing is started");
    }

    #[test]
    fn a_sandbox_lost_in_use_fails_nobody_who_waits() {
        let mut pool = pool(1, 100);
        let mut actions = Vec::new();
        pool.invoke('a', &mut actions);
        pool.ready(ONE, Instant::now(), &mut actions);
        pool.invoke('b', &mut actions);
        actions.clear();
        assert_eq!(pool.gone(ONE, &mut actions), None);
        assert_eq!(actions, [Action::Start(TWO)]);
    }

    #[test]
    fn the_freshest_sandbox_is_used_again_and_the_stale_one_expires() {
        let mut pool = pool(2, 100);
        let mut actions = Vec::new();
        let start = Instant::now();
        pool.warm(2, &mut actions);
        assert_eq!(actions, [Action::Start(ONE), Action::Start(TWO)]);
        actions.clear();
        pool.ready(TWO, start, &mut actions);
        pool.ready(ONE, start + Duration::from_secs(5), &mut actions);
        assert_eq!(invoke(&mut pool, 'a'), [Action::Assign(ONE, 'a')]);
        let next = pool.expire(start + Duration::from_secs(60), &mut actions);
        assert_eq!(actions, [Action::Stop(TWO)]);
        assert_eq!(next, None, "the other one is busy");
    }

    #[test]
    fn the_front_is_used_first_and_the_next_that_is_started_after_its_end_is_the_front() {
        let (mut pool, start) = (pool(3, 100), Instant::now());
        let mut actions = Vec::new();
        pool.warm(2, &mut actions);
        assert!(pool.is_front(ONE) && !pool.is_front(TWO));
        pool.ready(ONE, start, &mut actions);
        pool.ready(TWO, start + Duration::from_secs(5), &mut actions);
        assert_eq!(invoke(&mut pool, 'a'), [Action::Assign(ONE, 'a')]);
        assert_eq!(invoke(&mut pool, 'b'), [Action::Assign(TWO, 'b')]);
        assert_eq!(pool.gone(ONE, &mut actions), None);
        assert_eq!(invoke(&mut pool, 'c'), [Action::Start(SandboxId(2))]);
        assert!(pool.is_front(SandboxId(2)) && !pool.is_front(TWO));
    }

    #[test]
    fn one_that_has_nothing_to_do_is_replaced_and_a_busy_one_is_not() {
        let (mut pool, now) = (pool(2, 100), Instant::now());
        invoke(&mut pool, 'a');
        ready(&mut pool, ONE, now);
        let mut actions = Vec::new();
        pool.replace(ONE, &mut actions);
        assert_eq!(actions, []);
        ready(&mut pool, ONE, now);
        pool.replace(ONE, &mut actions);
        assert_eq!(actions, [Action::Stop(ONE), Action::Start(TWO)]);
        assert!(pool.is_front(TWO));
    }

    #[test]
    fn who_got_an_answer_and_invokes_again_finds_the_sandbox_that_gave_it() {
        for waiting in [100, 0] {
            let (mut pool, now) = (pool(2, waiting), Instant::now());
            invoke(&mut pool, 'a');
            ready(&mut pool, ONE, now);
            pool.answered(ONE, now);
            assert_eq!(invoke(&mut pool, 'b'), [], "it comes back in a moment");
            assert_eq!(invoke(&mut pool, 'c'), [Action::Start(TWO)], "it serves one");
            assert_eq!(ready(&mut pool, ONE, now), [Action::Assign(ONE, 'b')]);
        }
    }

    #[test]
    fn who_waits_for_one_that_is_replaced_while_it_starts_gets_the_other() {
        let mut pool = pool(1, 100);
        assert_eq!(invoke(&mut pool, 'a'), [Action::Start(ONE)]);
        let mut actions = Vec::new();
        pool.replace(ONE, &mut actions);
        assert_eq!(actions, [Action::Stop(ONE), Action::Start(TWO)]);
        actions.clear();
        assert_eq!(pool.gone(ONE, &mut actions), None);
        assert_eq!(actions, []);
        assert_eq!(ready(&mut pool, TWO, Instant::now()), [Action::Assign(TWO, 'a')]);
    }

    #[test]
    fn who_waits_for_a_sandbox_that_does_not_come_back_gets_another() {
        let (mut pool, now) = (pool(2, 100), Instant::now());
        invoke(&mut pool, 'a');
        ready(&mut pool, ONE, now);
        pool.answered(ONE, now);
        invoke(&mut pool, 'b');
        let mut actions = Vec::new();
        assert_eq!(pool.expire(now, &mut actions), Some(now + RETURN));
        assert_eq!(actions, []);
        pool.expire(now + RETURN, &mut actions);
        assert_eq!(actions, [Action::Start(TWO)]);
    }

    #[test]
    fn new_limits_hold_for_the_sandboxes_that_are_there() {
        let (mut pool, start) = (pool(3, 10), Instant::now());
        for (at, name) in (0_u64..).zip(['a', 'b', 'c']) {
            invoke(&mut pool, name);
            ready(&mut pool, SandboxId(at), start + Duration::from_secs(at));
        }
        for at in 0..2 {
            ready(&mut pool, SandboxId(at), start + Duration::from_secs(at));
        }
        let mut actions = Vec::new();
        let limits = Limits { sandboxes: 1, waiting: 10, idle_expiry: Duration::from_secs(1) };
        pool.limit(limits, &mut actions);
        assert_eq!(actions, [Action::Stop(SandboxId(0)), Action::Stop(SandboxId(1))], "the busy one goes on");
        assert_eq!(invoke(&mut pool, 'd'), [], "there is no room for another");
        actions.clear();
        pool.limit(Limits { sandboxes: 2, ..limits }, &mut actions);
        assert_eq!(actions, [Action::Start(SandboxId(3))], "who waits gets the new room");
    }

    #[test]
    fn those_who_wait_go_to_the_newer_version_and_abandoned_inits_are_stopped() {
        let mut pool = pool(2, 100);
        let mut actions = Vec::new();
        pool.invoke('a', &mut actions);
        pool.ready(ONE, Instant::now(), &mut actions);
        pool.invoke('b', &mut actions);
        pool.invoke('c', &mut actions);
        actions.clear();
        assert_eq!(pool.hand_over(&mut actions), ['b', 'c']);
        assert_eq!(actions, [Action::Stop(TWO)], "the one in use finishes what it is at");
        assert_eq!(pool.size(), 1);
    }

    #[test]
    fn a_sandbox_that_is_to_stop_gets_no_work_any_more() {
        let mut pool = pool(2, 100);
        invoke(&mut pool, 'a');
        assert_eq!(pool.hand_over(&mut Vec::new()), ['a']);
        assert_eq!(invoke(&mut pool, 'b'), [Action::Start(TWO)]);
        assert_eq!(ready(&mut pool, ONE, Instant::now()), []);
    }

    #[test]
    fn after_an_edit_one_sandbox_goes_first_and_others_follow_for_those_who_still_wait() {
        for waiting in [100, 0] {
            let (mut pool, now, mut actions) = (pool(3, waiting), Instant::now(), Vec::new());
            let until = now + Duration::from_millis(100);
            pool.pace(until, &mut actions);
            assert_eq!(actions, [Action::Start(ONE)]);
            actions.clear();
            assert_eq!((invoke(&mut pool, 'a'), invoke(&mut pool, 'b')), (vec![], vec![]));
            assert_eq!(ready(&mut pool, ONE, now), [Action::Assign(ONE, 'a')]);
            assert_eq!(pool.expire(now, &mut actions), Some(until));
            assert_eq!(actions, []);
            pool.expire(until, &mut actions);
            assert_eq!(actions, [Action::Start(TWO)]);
        }
    }

    #[test]
    fn draining_finishes_what_waits_and_stops_the_rest() {
        let mut pool = pool(1, 100);
        let mut actions = Vec::new();
        pool.invoke('a', &mut actions);
        pool.ready(ONE, Instant::now(), &mut actions);
        pool.invoke('b', &mut actions);
        actions.clear();
        assert!(!pool.drain(&mut actions));
        pool.ready(ONE, Instant::now(), &mut actions);
        assert_eq!(actions, [Action::Assign(ONE, 'b')]);
        actions.clear();
        pool.ready(ONE, Instant::now(), &mut actions);
        assert!(pool.drain(&mut actions));
        assert_eq!(actions, [Action::Stop(ONE)]);
    }
}
