/// What signals tell this process, once it catches them.
#pragma once

namespace cape::run {

/// From now on SIGINT, SIGTERM and SIGHUP mean: publish and leave; SIGUSR1 and
/// SIGUSR2: finish what runs first. Before it nothing is lost by dying. What
/// nohup makes this process ignore stays ignored.
void catch_signals();

bool signalled_to_stop();
bool signalled_to_drain();

}  // namespace cape::run
