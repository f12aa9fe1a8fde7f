//! Where rejects go: the one thing of a run that its user brings along.

use crate::error::Result;
use crate::output::Reject;

/// Takes the invalid lines of a run, in input order.
///
/// In two steps, as formatting takes long and order is only needed at the end: workers fill batches
/// side by side, each with the rejects of some consecutive lines, and the sink takes batch after
/// batch in the order of the input.
///
/// ```
/// use daytally::{Input, Options, Pipeline, Reject, RejectBatch, RejectSink, Result};
///
/// /// Says of each reject where it is.
/// struct Places(String);
///
/// #[derive(Clone, Default)]
/// struct SomePlaces(String);
///
/// impl RejectBatch for SomePlaces {
///     fn add(&mut self, reject: &Reject<'_>) {
///         self.0 += &format!("{}:{}\n", reject.input, reject.line);
///     }
///
///     fn size(&self) -> usize {
///         self.0.len()
///     }
/// }
///
/// impl RejectSink for Places {
///     type Batch = SomePlaces;
///
///     fn batch(&self) -> SomePlaces {
///         SomePlaces::default()
///     }
///
///     fn take(&mut self, batch: &mut SomePlaces) -> Result<()> {
///         self.0 += &batch.0;
///         batch.0.clear();
///         Ok(())
///     }
/// }
///
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let mut places = Places(String::new());
/// Pipeline::new(Options::default())?.aggregate(inputs, &mut places)?;
/// assert_eq!(places.0, "tests/data/events.jsonl:4\ntests/data/events.jsonl:5\n");
/// # Ok::<(), daytally::Error>(())
/// ```
pub trait RejectSink: Send {
    /// What workers make of consecutive rejects: text, counts, whatever the sink wants of them.
    type Batch: RejectBatch;

    /// An empty batch. The workers fill copies of it.
    fn batch(&self) -> Self::Batch;

    /// Takes what is in the next batch, and leaves it empty: a worker will fill it again, and what is
    /// left comes again. It may be empty already. Called by the workers, one at a time.
    ///
    /// A run that fails for another reason may end before all rejects were taken.
    ///
    /// # Errors
    ///
    /// An error ends the run, which then fails with it.
    fn take(&mut self, batch: &mut Self::Batch) -> Result<()>;
}

/// What a worker makes of consecutive rejects; see [`RejectSink`].
///
/// ```
/// use daytally::event::Reason;
/// use daytally::{Reject, RejectBatch};
///
/// /// The lines that are no JSON, by number.
/// #[derive(Clone, Default)]
/// struct Lines(Vec<u64>);
///
/// impl RejectBatch for Lines {
///     fn add(&mut self, reject: &Reject<'_>) {
///         if reject.fault.reason() == Reason::InvalidJson {
///             self.0.push(reject.line);
///         }
///     }
///
///     fn size(&self) -> usize {
///         size_of_val(&self.0[..])
///     }
/// }
/// ```
pub trait RejectBatch: Clone + Send {
    /// Adds the next reject.
    fn add(&mut self, reject: &Reject<'_>);

    /// How many bytes the batch holds. One that holds 256 KiB or more is handed over, and workers wait
    /// while the sink is behind by 8 MiB. It may be 0 for a batch that stays small whatever is added.
    fn size(&self) -> usize;
}

/// Drops the rejects; they are still counted in the [`Books`](crate::Books).
impl RejectSink for () {
    type Batch = ();

    fn batch(&self) {}

    fn take(&mut self, (): &mut ()) -> Result<()> {
        Ok(())
    }
}

impl RejectBatch for () {
    fn add(&mut self, _: &Reject<'_>) {}

    fn size(&self) -> usize {
        0
    }
}
