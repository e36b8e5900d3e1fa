//! Takes a test's request through the routes of one hook, as the server would.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::address::{looks_like_asset, matches};
use super::exchange::{Exchange, Fields, Step, TestRequest, joined};
use super::host::tasks::during as during_call;
use super::{TestSession, borrowed, with};
use crate::routes::{Phase, Route};
use crate::{Error, Hook, Instance, Outcome, Result};

/// What became of a request.
#[derive(Debug)]
pub struct Reply {
    /// How the hook's last step ended; `Next` where it let the request pass.
    pub outcome: Outcome,
    /// The status that the client gets.
    pub status: u16,
    /// The body that the client gets.
    pub body: Vec<u8>,
    /// The locals at the end.
    pub locals: Map<String, Value>,
    /// What the client's session holds at the end.
    pub session: TestSession,
    /// What the hook returned in place of an outcome, if it did.
    pub error: Option<Error>,
    headers: Fields,
}

impl Reply {
    /// The values of one header, joined by `, `.
    pub fn header(&self, name: &str) -> Option<String> {
        joined(&self.headers, name).map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    /// All headers in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// Sends a request through the hook: its `before` routes, the request's
/// [target](TestRequest::target), its `after` routes, then the observers of the routes reached.
///
/// A hook that the test changed stays so: it is one instance, as in mode `single`.
pub fn call<H: Hook>(hook: &mut H, request: TestRequest) -> Reply {
    borrowed(hook, |instance| walk(instance, request, None))
}

/// Sends a request to a [named](crate::Routes::named) route, as the operator's binding would.
pub fn call_action<H: Hook>(hook: &mut H, action: &str, request: TestRequest) -> Reply {
    borrowed(hook, |instance| walk(instance, request, Some(action)))
}

/// Does something that is not the hook's routes while there is an exchange.
pub(super) fn during<R>(request: TestRequest, work: impl FnOnce() -> R) -> (R, Reply) {
    with(|host| host.exchange = Some(Exchange::new(request)));
    let returned = work();
    (returned, reply(Outcome::Next, None))
}

fn walk<H: Hook>(instance: &mut Instance<H>, request: TestRequest, action: Option<&str>) -> Reply {
    let target = request.target.clone();
    with(|host| host.exchange = Some(Exchange::new(request)));
    let mut reached = Vec::new();
    let mut end = phase(instance, &mut reached, |phase| *phase == Phase::Before);
    if let (Ok(Outcome::Next), Some(action)) = (&end, action) {
        end =
            phase(instance, &mut reached, |phase| *phase == Phase::Named(action.to_owned().into()));
    }
    let mut answered = matches!(end, Ok(Outcome::Respond));
    if let (Ok(Outcome::Next), Some((status, body, headers))) = (&end, target) {
        answer_as_target(status, body, headers);
        answered = true;
    } else if matches!(end, Ok(Outcome::Next)) {
        end = phase(instance, &mut reached, |phase| *phase == Phase::After);
        answered = matches!(end, Ok(Outcome::Respond));
    }
    let mut error = end.as_ref().err().cloned();
    if let Some(error) = &error {
        answer_as_error(error.status().unwrap_or(500), error.message());
    } else if !answered {
        answer_as_error(404, "Not Found");
    }
    at_step(Step::Response);
    for index in reached.iter().rev() {
        if let Err(cause) = during_call(|| instance.handle_response(*index)) {
            answer_as_error(cause.status().unwrap_or(500), cause.message());
            error.get_or_insert(cause);
        }
    }
    at_step(Step::Finish);
    for index in reached.iter().rev() {
        if let Err(cause) = during_call(|| instance.handle_finish(*index)) {
            error.get_or_insert(cause);
        }
    }
    reply(end.unwrap_or(Outcome::Respond), error)
}

/// Ends the exchange.
fn reply(outcome: Outcome, error: Option<Error>) -> Reply {
    let exchange = with(|host| host.exchange.take()).expect("nothing else takes it");
    Reply {
        outcome,
        status: exchange.status,
        body: exchange.body,
        locals: exchange.request.locals,
        session: exchange.request.session,
        error,
        headers: exchange.headers,
    }
}

/// Runs the routes of one phase that match. The path is asked anew each time: a hook may change it.
fn phase<H: Hook>(
    instance: &mut Instance<H>,
    reached: &mut Vec<u32>,
    wanted: impl Fn(&Phase) -> bool,
) -> Result<Outcome> {
    let count = instance.routes()?.len();
    for index in 0..count {
        let route = &instance.routes()?[index];
        let named = matches!(route.phase, Phase::Named(_));
        let found = if named { Some(Vec::new()) } else { reach(route) };
        let Some(params) = found.filter(|_| wanted(&route.phase)) else { continue };
        let (options, reads_body) = (route.options.clone(), route.read_body);
        with(|host| {
            let Some(exchange) = &mut host.exchange else { return };
            exchange.params = params;
            exchange.options = super::host::merge(exchange.options.take(), options);
            exchange.reads_body = reads_body;
        });
        let index = u32::try_from(index).expect("a handful of routes");
        let handled = during_call(|| instance.handle_route(index));
        if handled.inspect(|_| reached.push(index))? == Outcome::Respond {
            return Ok(Outcome::Respond);
        }
        with(|host| host.exchange.iter_mut().for_each(|exchange| exchange.body.clear()));
    }
    Ok(Outcome::Next)
}

fn reach<H>(route: &Route<H>) -> Option<Vec<(String, String)>> {
    let (method, path) = with(|host| {
        let request = &host.exchange.as_ref()?.request;
        Some((request.method.clone(), request.path.clone()))
    })?;
    let ends_in_param = route.address.rsplit('/').next().is_some_and(|part| part.starts_with(':'));
    let by_default = ends_in_param && !route.keep_assets && !route.address.starts_with("ALL ");
    if (route.skip_assets || by_default) && looks_like_asset(&path) {
        return None;
    }
    matches(&route.address, &method, &path)
}

/// The target's status wins and so do its headers, but for `set-cookie`, which adds.
fn answer_as_target(status: u16, body: Vec<u8>, headers: Fields) {
    with(|host| {
        let Some(exchange) = &mut host.exchange else { return };
        for (name, _) in headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("set-cookie"))
        {
            exchange.headers.retain(|(field, _)| !field.eq_ignore_ascii_case(name));
        }
        exchange.headers.extend(headers);
        exchange.status = status;
        exchange.body = body;
    });
}

fn answer_as_error(status: u16, text: &str) {
    with(|host| {
        let Some(exchange) = &mut host.exchange else { return };
        exchange.status = status;
        exchange.body = text.into();
    });
}

fn at_step(step: Step) {
    with(|host| host.exchange.iter_mut().for_each(|exchange| exchange.step = step));
}
