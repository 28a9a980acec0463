//! The first half of a request's way: read it in one way only, know its client, find its route.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::header::{EXPECT, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{Method, Response, Version};
use tokio::time::Instant;

use super::action::{Action, Asked};
use super::config::Protocol;
use super::hops;
use super::path::normalise;
use super::record::Record;
use super::route::Route;
use super::snapshot::Snapshot;
use super::tunnel::{self, AskedFor};
use super::upstream::Upstream;
use super::{Client, Refusal};
use crate::http::{Body, Peer, deadline};
use crate::trace::TraceContext;

/// What becomes of a request that was let in.
pub(super) enum Admission {
    /// It may be forwarded.
    Forward(Admitted),
    /// The gateway answers by itself, as its route says.
    Answer(Response<Body>),
}

/// A request that may be forwarded: its head is what every attempt starts from.
pub(super) struct Admitted {
    pub(super) route: Arc<Route>,
    pub(super) upstream: Arc<Upstream>,
    /// What keeps it together with others, if anything does.
    pub(super) key: Option<u64>,
    /// The other protocol that the client asked for, if the route has it.
    pub(super) upgrade: Option<AskedFor>,
    /// In its normal form, rewritten, with the query as it came.
    pub(super) target: PathAndQuery,
    pub(super) deadline: Instant,
    pub(super) trace: TraceContext,
}

/// Rewrites the head for the way on and decides whether it may go; asks no endpoint for anything.
///
/// The order: path → removal of what others must not set → client → limit over all routes → route →
/// authentication → limit of the route → the gateway's own answer, or deadline → upstream → rewriting.
pub(super) fn admit(
    snapshot: &Snapshot,
    head: &mut http::request::Parts,
    record: &mut Record,
    context: impl FnOnce(&http::HeaderMap) -> TraceContext,
) -> Result<Admission, Refusal> {
    let config = &snapshot.config;
    let received = head.version;
    check_framing(head)?;
    record.host = hops::requested_host(head)
        .ok_or(Refusal::BadRequest("exactly one valid host is required"))?;
    let path = normalise(head.uri.path(), config.encoded_slashes)
        .map_err(|_| Refusal::BadRequest("the path cannot be read in one way only"))?;
    let target = target(&path, head.uri.query())?;
    record.path.clone_from(&path);
    let asked_for = tunnel::asked_for(head);
    for name in &snapshot.internal {
        head.headers.remove(name);
    }
    hops::strip(&mut head.headers, &snapshot.protected);
    hops::unify_host(head);
    // Who waited for the word to go on has had it from this server; the endpoint gets what is here.
    head.headers.remove(EXPECT);
    let trace = context(&head.headers);
    record.trace = trace.trace_id();
    let peer = peer(head);
    let client = snapshot.identification.arrive(&head.headers, peer);
    record.client = Some(client.clone());
    if let Some(limit) = &snapshot.limit {
        limit.admit(&client)?;
    }
    let (route, prefix) = snapshot
        .route(&record.host, &path, head)
        .ok_or(Refusal::NoRoute)?;
    let route = route.clone();
    record.route = Some(route.name.clone());
    if let Some(answer) = snapshot.filters.preflight(&route.name, head) {
        return answer.map(Admission::Answer);
    }
    let client = authenticate(snapshot, &route, head, client)?;
    record.client = Some(client.clone());
    if let Some(limit) = &route.limit {
        limit.admit(&client)?;
    }
    let trusted = config.trusted_hops > 0;
    let scheme = hops::own_scheme(head);
    let upstream = match &route.action {
        Action::Forward(upstream) => upstream.clone(),
        Action::Split(split) => {
            let chosen = split.choose(&head.headers, &client);
            chosen.ok_or(Refusal::NoUpstream)?.clone()
        }
        Action::Redirect(redirect) => {
            let scheme = hops::requested_scheme(&head.headers, trusted, scheme);
            let asked = Asked {
                scheme,
                host: &record.host,
                port: hops::requested_port(head),
                path: &path,
                prefix,
                query: head.uri.query(),
            };
            return Ok(Admission::Answer(redirect.response(&asked)));
        }
        Action::Respond(direct) => return Ok(Admission::Answer(direct.response())),
    };
    let deadline = agree_on_deadline(&route, head, record)?;
    snapshot.via.append(&mut head.headers, received);
    hops::append_forwarded(
        &mut head.headers,
        peer,
        &record.host,
        trusted,
        config.forwarded,
        scheme,
    );
    let target = match route.rewrite.path(&path, prefix) {
        Some(path) => self::target(&path, head.uri.query())?,
        None => target,
    };
    route.rewrite.host(&mut head.headers);
    route.request_headers.apply(&mut head.headers);
    let key = upstream.key(&head.headers, &client);
    let upgrade = asked_for.filter(|_| upstream.protocol() == Protocol::Http1);
    let upgrade = upgrade.filter(|asked| asked.is_among(route.upgrade.as_ref()));
    Ok(Admission::Forward(Admitted {
        key,
        upgrade,
        route,
        upstream,
        target,
        deadline,
        trace,
    }))
}

/// hyper refuses most ambiguous framings itself; it takes any list that ends in `chunked`.
fn check_framing(head: &http::request::Parts) -> Result<(), Refusal> {
    if head.method == Method::CONNECT {
        return Err(Refusal::BadRequest("CONNECT is not offered"));
    }
    if ![Version::HTTP_10, Version::HTTP_11, Version::HTTP_2].contains(&head.version) {
        return Err(Refusal::BadRequest("HTTP/1.1 and HTTP/2 are spoken here"));
    }
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        let only = codings.next().is_none();
        let chunked = coding
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"chunked");
        let sized = head.headers.contains_key(http::header::CONTENT_LENGTH);
        if !only || !chunked || sized {
            return Err(Refusal::BadRequest("the body's length is ambiguous"));
        }
    }
    Ok(())
}

fn target(path: &str, query: Option<&str>) -> Result<PathAndQuery, Refusal> {
    let text = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    PathAndQuery::try_from(text).map_err(|_| Refusal::BadRequest("the target is no valid path"))
}

/// Only a server of ours knows the peer; elsewhere (a test, another stack) there is none to know.
fn peer(head: &http::request::Parts) -> SocketAddr {
    let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    head.extensions.get::<Peer>().map_or(nobody, |peer| peer.0)
}

fn authenticate(
    snapshot: &Snapshot,
    route: &Route,
    head: &mut http::request::Parts,
    client: Client,
) -> Result<Client, Refusal> {
    if snapshot.config.keys.is_empty() {
        return Ok(client);
    }
    let presented: Vec<_> = head
        .headers
        .get_all(&snapshot.key_header)
        .iter()
        .cloned()
        .collect();
    // A key is between client and gateway, on open routes as well.
    head.headers.remove(&snapshot.key_header);
    let Some(keys) = &route.keys else {
        return Ok(client);
    };
    let [only] = &presented[..] else {
        return Err(Refusal::Unauthenticated);
    };
    let owner = keys
        .owner(only.as_bytes())
        .ok_or(Refusal::Unauthenticated)?;
    Ok(snapshot.identification.authenticate(client, owner))
}

/// The earlier of the route's deadline and the caller's, both from the request's arrival.
fn agree_on_deadline(
    route: &Route,
    head: &http::request::Parts,
    record: &Record,
) -> Result<Instant, Refusal> {
    let own = record.started() + route.deadline;
    let callers = deadline::read(&head.headers, record.started());
    let agreed = callers.map_or(own, |callers| callers.min(own));
    if Instant::now() < agreed {
        Ok(agreed)
    } else {
        Err(Refusal::Deadline)
    }
}
