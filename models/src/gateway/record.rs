//! The record of one request: told to the observer exactly once, whatever happens to the request.

use std::sync::Arc;

use http::{Method, StatusCode};
use tokio::time::Instant;

use super::observer::{Access, End};
use super::{Client, Observer, Refusal};

/// Collects what is known of a request; dropping it tells the observer.
pub(super) struct Record {
    observer: Arc<dyn Observer>,
    started: Instant,
    method: Method,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) client: Option<Client>,
    pub(super) route: Option<Arc<str>>,
    pub(super) upstream: Option<Arc<str>>,
    pub(super) endpoint: Option<Arc<str>>,
    pub(super) attempts: u32,
    pub(super) trace: u128,
    status: Option<StatusCode>,
    refusal: Option<Refusal>,
    end: End,
}

impl Record {
    pub(super) fn new(observer: Arc<dyn Observer>, head: &http::request::Parts) -> Self {
        Self {
            observer,
            started: Instant::now(),
            method: head.method.clone(),
            host: String::new(),
            path: head.uri.path().to_owned(),
            client: None,
            route: None,
            upstream: None,
            endpoint: None,
            attempts: 0,
            trace: 0,
            status: None,
            refusal: None,
            // Until something else is known: whoever drops the request did not wait for its end.
            end: End::CallerLeft,
        }
    }

    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// The gateway answers itself; that is the end.
    pub(super) fn refused(mut self, refusal: Refusal) {
        self.status = Some(refusal.status());
        self.refusal = Some(refusal);
        self.end = End::Complete;
    }

    /// An endpoint's answer has begun.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// The answer ended.
    pub(super) fn ended(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.observer.access(&Access {
            client: self.client.as_ref(),
            method: &self.method,
            host: &self.host,
            path: &self.path,
            route: self.route.as_deref(),
            upstream: self.upstream.as_deref(),
            endpoint: self.endpoint.as_deref(),
            status: self.status,
            attempts: self.attempts,
            latency: self.started.elapsed(),
            refusal: self.refusal.as_ref(),
            end: self.end,
            trace: self.trace,
        });
    }
}
