//! Counts for Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::engine::Engine;

/// The bounds of the classes of times, in seconds.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    times: Family<RouteLabels, Histogram>,
    jobs: Family<JobLabels, Counter>,
    pub(crate) connections: Gauge<i64, AtomicI64>,
    engine: EngineGauges,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    state: String,
}

#[derive(Default)]
struct EngineGauges {
    waiting: Gauge<i64, AtomicI64>,
    models: Gauge<i64, AtomicI64>,
    cache_bytes: Gauge<i64, AtomicI64>,
    computed: Counter<u64, AtomicU64>,
    shared: Counter<u64, AtomicU64>,
    cached: Counter<u64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("amplio");
        let requests = Family::<RequestLabels, Counter>::default();
        let times = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        let jobs = Family::<JobLabels, Counter>::default();
        let connections = Gauge::default();
        let engine = EngineGauges::default();
        registry.register("requests", "Requests that were answered", requests.clone());
        registry.register("request_seconds", "How long answers took to begin", times.clone());
        registry.register("jobs", "Jobs that came into a state", jobs.clone());
        registry.register("connections", "Open connections", connections.clone());
        registry.register("waiting", "Pictures that wait for a place", engine.waiting.clone());
        registry.register("models_loaded", "Models that are ready", engine.models.clone());
        registry.register("cache_bytes", "Results that are kept", engine.cache_bytes.clone());
        registry.register("computed", "Pictures that were computed", engine.computed.clone());
        registry.register("joined", "Requests that joined an identical one", engine.shared.clone());
        registry.register("cached", "Requests that were answered from the cache", engine.cached.clone());
        Self { registry, requests, times, jobs, connections, engine }
    }

    pub(crate) fn request(&self, route: &str, method: &str, status: u16, seconds: f64) {
        let (route, method) = (route.to_owned(), method.to_owned());
        self.times.get_or_create(&RouteLabels { route: route.clone() }).observe(seconds);
        self.requests.get_or_create(&RequestLabels { route, method, status }).inc();
    }

    pub(crate) fn job(&self, state: &str) {
        self.jobs.get_or_create(&JobLabels { state: state.to_owned() }).inc();
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn text(&self, engine: &Arc<Engine>) -> String {
        let gauges = &self.engine;
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        gauges.waiting.set(signed(engine.waiting()));
        gauges.models.set(signed(engine.shop.models.loaded().0 as u64));
        gauges.cache_bytes.set(signed(engine.shop.cache.size().1));
        let counts = [
            (&gauges.computed, &engine.computed),
            (&gauges.shared, &engine.shared),
            (&gauges.cached, &engine.cached),
        ];
        for (counter, value) in counts {
            counter.inner().store(value.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
