//! Memory of a run under a constant load: what is allocated around the tenth simulated minute against
//! what is around the sixtieth. A run must not take more memory the longer it lasts.

use axum::{Router, routing::get};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::net::TcpListener;
use windtunnel::{pause_for, prelude::*};
use windtunnel_record::{RunSpec, Seed, Span};
use windtunnel_tests::measure::within;

/// Counts what is allocated and not given back.
struct Counting;

static ALLOCATED: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The mean of what is allocated over a simulated minute, a look each second.
async fn of_a_minute() -> f64 {
    let mut sum = 0;
    for _ in 0..60 {
        sum += ALLOCATED.load(Ordering::Relaxed);
        pause_for(std::time::Duration::from_secs(1)).await;
    }
    sum as f64 / 60.0
}

async fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let app = Router::new().route("/", get(|| async { "hello" }));
    windtunnel_models::http::serve(listener, app, std::future::pending()).await;
    Ok(())
}

/// What is allocated around each tenth of `minutes` simulated minutes of a run with so many requests a
/// second.
fn around(minutes: u64, requests: u32) -> Vec<f64> {
    let every = minutes / 6;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let spec = RunSpec::new("memory", Seed(1));
    let run = windtunnel::execute(&spec, Default::default(), move |tunnel: &mut Tunnel| {
        tunnel.load_for(secs(minutes * 60 + 61)).settle_for(secs(0));
        let server = tunnel.host("server").run(serve);
        let looks = tunnel.host("looks").cpu(Span::ZERO, Span::ZERO);
        looks.run(move || {
            let noted = noted.clone();
            async move {
                pause_for(std::time::Duration::from_secs(every * 60)).await;
                for _ in 0..6 {
                    let minute = of_a_minute().await;
                    noted.lock().expect("nobody panics").push(minute);
                    pause_for(std::time::Duration::from_secs((every - 1) * 60)).await;
                }
                std::future::pending::<()>().await;
            }
        });
        tunnel.load(open_loop(rate(requests)), move |client, key| {
            let url = server.url("/");
            async move {
                client.operation("get", key, http::get(url)).await.ok();
            }
        });
    });
    let run = run.expect("the run can be made");
    assert_eq!(run.verdict(), "held", "{:?}", run.rules);
    let seen = seen.lock().expect("the run is over");
    seen.clone()
}

fn main() -> ExitCode {
    windtunnel::process::without_address_randomisation();
    let is_smoke = !std::env::args().any(|argument| argument == "--bench");
    let (minutes, requests) = if is_smoke { (6, 5) } else { (60, 50) };
    let seen = around(minutes, requests);
    for (minute, bytes) in (1..).map(|tenth| tenth * minutes / 6).zip(&seen) {
        println!("minute {minute}: {:.0} KiB", bytes / 1024.0);
    }
    let met = within(
        "memory at a constant load, simulated minute 60 / 10",
        seen[5] / seen[0],
        1.01,
    );
    ExitCode::from(u8::from(!met && !is_smoke))
}
