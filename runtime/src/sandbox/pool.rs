//! Keeps a hook's instances between calls, and bounds how many there are and how many wait for one.
//!
//! An instance is taken out for a call and belongs to the caller. Putting it back is the only way to
//! keep it, and only success does: a trap, a limit, a panic or a caller that goes away drop it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::compile::Program;
use super::instance::Instance;
use super::replay::Replay;
use super::snapshot::Snapshot;
use crate::config::Mode;
use crate::error::{Code, Failure, Phase};
use crate::exchange::Exchange;
use crate::host::Context;

/// How often [`Pool::sweep`] is to be called.
pub const SWEEP: Duration = Duration::from_secs(5);
/// An instance that was idle for so many sweeps is freed: a minute, as bursts come in minutes.
const IDLE_SWEEPS: u32 = 12;

/// The instances of one hook.
#[derive(Debug)]
pub struct Pool {
    program: Arc<Program>,
    context: Arc<Context>,
    mode: Mode,
    /// The most recently used one is taken first: its memory is still in the cpu's caches.
    idle: Mutex<Vec<Idle>>,
    /// One a live instance that is, or may be, in use.
    permits: Semaphore,
    waiting: AtomicUsize,
    /// The same for calls after a response: they take no request's place.
    waiting_finishes: AtomicUsize,
    live: AtomicU32,
    /// How many sweeps there were: the pool's clock, so that no call has to read a real one.
    sweeps: AtomicU32,
    /// Where new instances begin, if that can be had.
    snapshot: Arc<Snapshot>,
    /// How they come to the same state if it cannot.
    replay: Replay,
}

/// An instance that waits for its next call.
#[derive(Debug)]
struct Idle {
    instance: Box<Instance>,
    /// The sweep that was next when it was put here.
    since: u32,
}

/// An instance that was taken out.
#[derive(Debug)]
pub struct Lease<'a> {
    pool: &'a Pool,
    instance: Option<Box<Instance>>,
    rescue: Option<Rescue>,
    _permit: SemaphorePermit<'a>,
}

/// A place where an exchange is left if the call that has it is dropped, as happens to a callee when
/// its caller reaches a limit.
#[derive(Clone, Debug, Default)]
pub struct Rescue(Arc<Mutex<Option<Box<Exchange>>>>);

impl Rescue {
    /// Takes what was left.
    pub fn take(&self) -> Option<Box<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Leaves an exchange here.
    pub fn leave(&self, exchange: Box<Exchange>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
    }
}

impl Pool {
    /// A pool around the hook's first instance, whose lifecycle has run.
    pub fn new(
        program: Arc<Program>,
        context: Arc<Context>,
        mode: Mode,
        mut first: Box<Instance>,
        snapshot: Arc<Snapshot>,
        replay: Replay,
    ) -> Self {
        first.settle_in(0);
        let instances = match mode {
            Mode::Single => 1,
            Mode::Pooled | Mode::Fresh => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                context.limits.instances_on(cores)
            }
        };
        Self {
            program,
            context,
            mode,
            idle: Mutex::new(vec![Idle { instance: first, since: 0 }]),
            permits: Semaphore::new(instances as usize),
            waiting: AtomicUsize::new(0),
            waiting_finishes: AtomicUsize::new(0),
            live: AtomicU32::new(1),
            sweeps: AtomicU32::new(0),
            snapshot,
            replay,
        }
    }

    /// How many instances are alive.
    pub fn live(&self) -> u32 {
        self.live.load(Ordering::Relaxed)
    }

    /// How many calls wait for an instance.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed) + self.waiting_finishes.load(Ordering::Relaxed)
    }

    /// Takes an instance out: an idle one, or a new one, or the next that comes back. Those that wait
    /// are served in turn.
    ///
    /// # Errors
    /// `E_HOOK_BUSY` if the queue is full, or if it took longer than `limits.queue_wait` or than the
    /// exchange has; `E_EXCHANGE_TIMEOUT` if making a new instance did; whatever that instance's
    /// lifecycle fails with.
    pub async fn lease(&self, phase: Phase, until: Option<Instant>) -> Result<Lease<'_>, Failure> {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            // Rare, and boxed so that the futures of all calls stay small.
            Err(_) => Box::pin(self.queue(phase, until)).await?,
        };
        self.fill(permit, until).await
    }

    /// Takes an instance out for the last call of all: there is nobody to wait behind.
    ///
    /// # Errors
    /// If none came back in that time; whatever a new instance's lifecycle fails with.
    pub async fn lease_last(&self, wait: Duration) -> Result<Lease<'_>, Failure> {
        let permit = tokio::time::timeout(wait, self.permits.acquire()).await;
        let Ok(Ok(permit)) = permit else {
            let text = format!("no instance became free within {wait:?}");
            return Err(
                Failure::new(Code::HookBusy, text).in_hook(&self.context.name, Phase::Lower)
            );
        };
        // A snapshot may be on its way.
        let filled = tokio::time::timeout(wait, self.fill(permit, None)).await;
        filled.unwrap_or_else(|_| {
            let text = format!("no instance could be made within {wait:?}");
            Err(Failure::new(Code::HookBusy, text).in_hook(&self.context.name, Phase::Lower))
        })
    }

    /// Puts an instance to a permit.
    async fn fill<'a>(
        &'a self,
        permit: SemaphorePermit<'a>,
        until: Option<Instant>,
    ) -> Result<Lease<'a>, Failure> {
        let idle = self.idle_instances().pop();
        let instance = match (idle, until) {
            (Some(idle), _) => idle.instance,
            (None, None) => Box::pin(self.new_instance()).await?,
            (None, Some(until)) => {
                let until = tokio::time::Instant::from_std(until);
                let made = tokio::time::timeout_at(until, Box::pin(self.new_instance())).await;
                made.map_err(|_| {
                    let text = "the exchange reached its limit while an instance was made";
                    Failure::new(Code::ExchangeTimeout, text)
                })??
            }
        };
        Ok(Lease { pool: self, instance: Some(instance), rescue: None, _permit: permit })
    }

    /// Waits in line for a permit.
    async fn queue(
        &self,
        phase: Phase,
        until: Option<Instant>,
    ) -> Result<SemaphorePermit<'_>, Failure> {
        let limits = &self.context.limits;
        let busy = |cause: String| {
            let mut failure =
                Failure::new(Code::HookBusy, cause).in_hook(&self.context.name, phase);
            failure.retry_after = Some(limits.queue_wait);
            failure
        };
        let tally = &self.context.tally;
        let place = Waiting::new(match phase {
            Phase::HandleFinish => &self.waiting_finishes,
            _ => &self.waiting,
        });
        if place.ahead >= limits.queue as usize {
            tally.found_queue_full();
            return Err(busy(format!("all instances are busy and {} calls wait", limits.queue)));
        }
        let wait = until.map_or(limits.queue_wait, |until| {
            limits.queue_wait.min(until.saturating_duration_since(Instant::now()))
        });
        let began = Instant::now();
        let waited = tokio::time::timeout(wait, self.permits.acquire()).await;
        tally.waited(began.elapsed());
        match waited {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Failure::new(Code::Draining, "the hook was lowered")),
            Err(_) => Err(busy(format!("no instance became free within {wait:?}"))),
        }
    }

    /// Makes one more instance: from the snapshot if there is one. In mode `fresh` every request does
    /// so, and waits for a snapshot that is on its way; in mode `pooled` it is time to make one.
    async fn new_instance(&self) -> Result<Box<Instance>, Failure> {
        let snapshot = match self.mode {
            Mode::Fresh => {
                let ready = self.snapshot.wait(self.replay.time).await;
                ready.map_err(|failure| failure.in_hook(&self.context.name, Phase::Start))?
            }
            Mode::Pooled | Mode::Single => self.snapshot.made(),
        };
        let mut instance = match snapshot {
            Some(program) => Instance::start(program, &self.context, true).await?,
            None => {
                self.snapshot.begin(&self.program, &self.context, &self.replay);
                self.replay.run(&self.program, &self.context).await?
            }
        };
        instance.settle_in(self.sweeps.load(Ordering::Relaxed));
        self.live.fetch_add(1, Ordering::Relaxed);
        Ok(instance)
    }

    fn idle_instances(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        // A panic while the lock is held is impossible, as nothing but a push or a pop happens there.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees instances that nobody has used for a while. Called every [`SWEEP`]. The last one stays: the
    /// next request should not have to wait for a new one.
    pub fn sweep(&self) {
        let now = self.sweeps.fetch_add(1, Ordering::Relaxed) + 1;
        if self.mode != Mode::Pooled {
            return;
        }
        let freed: Vec<Idle> = {
            let mut idle = self.idle_instances();
            // The longest unused are at the front, as the last one put back is taken first.
            let stale = idle.iter().take_while(|idle| now - idle.since > IDLE_SWEEPS).count();
            let spare = idle.len().saturating_sub(1);
            idle.drain(..stale.min(spare)).collect()
        };
        self.live.fetch_sub(u32::try_from(freed.len()).unwrap_or(0), Ordering::Relaxed);
    }

    /// Drops all idle instances and lets nobody in any more.
    pub fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle_instances());
        self.live.fetch_sub(u32::try_from(idle.len()).unwrap_or(0), Ordering::Relaxed);
    }
}

impl Lease<'_> {
    /// The instance.
    pub fn instance(&mut self) -> &mut Instance {
        self.instance.as_mut().expect("only `put_back` takes it, and that ends the lease")
    }

    /// Has the exchange left here if the lease is dropped while its instance has it.
    pub fn rescue(&mut self, rescue: Rescue) {
        self.rescue = Some(rescue);
    }

    /// Puts it back, after a call that returned normally. One that has done its share, or has grown,
    /// is freed instead: the next call gets a new one.
    pub fn put_back(mut self) {
        let Some(mut instance) = self.instance.take() else { return };
        let pool = self.pool;
        let keep = match pool.mode {
            Mode::Single => true,
            Mode::Fresh => false,
            Mode::Pooled => !instance.is_worn(pool.sweeps.load(Ordering::Relaxed)),
        };
        if keep {
            let since = pool.sweeps.load(Ordering::Relaxed);
            let mut idle = pool.idle_instances();
            // Whoever closes it empties the list after that, and not before.
            if !pool.permits.is_closed() {
                idle.push(Idle { instance, since });
                return;
            }
        }
        pool.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(mut instance) = self.instance.take() else { return };
        if let (Some(rescue), Some(exchange)) = (&self.rescue, instance.take_back()) {
            rescue.leave(exchange);
        }
        self.pool.live.fetch_sub(1, Ordering::Relaxed);
        if self.pool.mode == Mode::Single {
            self.pool.context.restarted();
        }
    }
}

/// A place in the queue; given up when dropped.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    ahead: usize,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        Self { count, ahead: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
