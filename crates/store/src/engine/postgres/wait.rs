//! Waiting for a future on a thread that may itself belong to a runtime.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use tokio::runtime::{Handle, RuntimeFlavor};

/// Blocks the calling thread until the future is done; `None` where that takes beyond the deadline. On a serving
/// thread of a runtime the other tasks go on elsewhere meanwhile.
pub(super) fn wait_until<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    let is_serving =
        Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if is_serving { tokio::task::block_in_place(|| park(deadline, future)) } else { park(deadline, future) }
}

fn park<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A future of a list.
pub(super) type Pending<'f, T> = Pin<Box<dyn Future<Output = T> + 'f>>;

/// Polls futures side by side, always in their order: requests that they make go out in that order, in one go.
pub(super) async fn all<T>(futures: Vec<Pending<'_, T>>) -> Vec<T> {
    let mut pending: Vec<(Option<Pending<'_, T>>, Option<T>)> =
        futures.into_iter().map(|future| (Some(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_ready = true;
        for (future, output) in &mut pending {
            let Some(waiting) = future else { continue };
            match waiting.as_mut().poll(context) {
                Poll::Ready(done) => (*future, *output) = (None, Some(done)),
                Poll::Pending => is_ready = false,
            }
        }
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    pending.into_iter().filter_map(|(_, output)| output).collect()
}
