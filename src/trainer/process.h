#pragma once

namespace cape::trainer {

/// Makes this process a worker's child: what libraries print goes to stderr; it
/// ignores the signals that launchers send to a whole process group; it dies
/// with the thread that started it, and is the first to go when memory runs
/// out.
void become_trainer_process();

}  // namespace cape::trainer
