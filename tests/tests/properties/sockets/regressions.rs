//! Trials that failed once.

use super::{
    Trial,
    dialogue::{Dialogue, Side, Write},
    stage,
};
use windtunnel_record::{FaultPlan, Inject, Moment, PlannedFault, Span, Target, target::Targets};

fn plain(chunk: usize, writes: &[Write]) -> Side {
    Side {
        no_delay: false,
        buffers: None,
        aborts: false,
        writes: writes.to_vec(),
        shuts_down: false,
        chunk,
        read_pause: 0,
        stops_after: None,
        one_task: false,
    }
}

fn only(host: &str) -> Targets {
    Targets(vec![Target::Name(host.into())])
}

fn fault(id: &str, at: u64, lasting: u64, inject: Inject) -> PlannedFault {
    PlannedFault {
        id: id.into(),
        at: Moment::START + Span::from_millis(at),
        lasting: Span::from_millis(lasting),
        inject,
    }
}

#[test]
fn a_reader_whose_reset_was_lost_learns_of_its_dead_peer_by_a_probe() {
    let writes = [
        Write::Bytes(1),
        Write::Bytes(1_449),
        Write::Pause(2_575),
        Write::Bytes(1_449),
    ];
    let lossy = Inject::Loss {
        from: only("b"),
        to: only("c"),
        rate: 0.61,
    };
    let cut_off = Inject::Reset {
        from: only("c"),
        to: only("b"),
    };
    let trial = Trial {
        seed: 235_383,
        dialogues: vec![Dialogue {
            from: 1,
            to: 2,
            at: 23_982,
            patience: None,
            sides: [plain(1, &writes), plain(1, &[Write::Bytes(1)])],
        }],
        faults: FaultPlan::new(vec![
            fault("loss-376", 23_984, 9_130, lossy),
            fault("reset-348", 26_559, 1, cut_off),
        ]),
    };
    assert_eq!(stage::run(&trial), Ok(()));
}
