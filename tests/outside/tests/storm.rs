//! The store in a storm.

use windtunnel::prelude::*;

#[test]
fn nothing_is_oversold() {
    windtunnel::sweep(0..10, |tunnel| {
        let store = tunnel.host("store").zone("b").run(my_store::run);

        tunnel.load_for(secs(20)).settle_for(secs(5));
        let cut = partition(host("load"), host("store"));
        tunnel.fault(cut.at(secs(2)).lasting(between(secs(1), secs(3))));
        let dark = power_loss(host("store"));
        tunnel.fault(dark.every(exponential(secs(5))).lasting(secs(1)));

        tunnel.load(open_loop(rate(20)), move |client, key| {
            let url = store.url("/buy");
            async move {
                client.operation("buy", key, http::post(url)).await.ok();
            }
        });

        tunnel.always("nothing oversold", |world| {
            world.sum("sold") <= world.sum("stocked")
        });
        tunnel.sometimes("the power failed", |event| event.is_fault_hit("power-loss"));
        tunnel.sometimes("something was sold", |event| event.is_observed("sold"));
    })
    .held();
}
