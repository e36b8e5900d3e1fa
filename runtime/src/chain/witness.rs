//! Defines who may stand beside an exchange and look: a test. Nobody does in a server.

use super::Journey;
use crate::error::Failure;
use crate::exchange::Exchange;

/// Somebody who prepares an exchange, and sees what it has come to. It comes with the request, as an extension,
/// which no client can send.
pub(crate) trait Witness: Send + Sync {
    /// Sees the exchange before anything has happened to it.
    fn begins(&self, exchange: &mut Exchange);
    /// Sees it once its response stands. `failure` is what ended its chain, if anything did.
    fn ends(&self, journey: &Journey, failure: Option<&Failure>);
}
