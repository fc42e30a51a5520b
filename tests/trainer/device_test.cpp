#include "trainer/device.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace cape::trainer {
namespace {

/// What libtorch_cpu.so's MKL calls before it picks its kernels.
TEST(DeviceTest, MklIsToldThatThisProcessorsFeaturesCount) {
  using Question = int (*)();
  const auto question = reinterpret_cast<Question>(
      dlsym(RTLD_DEFAULT, "mkl_serv_intel_cpu_true"));
  ASSERT_NE(question, nullptr);
  Dl_info where;
  ASSERT_NE(dladdr(reinterpret_cast<void*>(question), &where), 0);
  EXPECT_EQ(std::string(where.dli_fname).find("libtorch"), std::string::npos);
  EXPECT_EQ(question(), 1);
}

}  // namespace
}  // namespace cape::trainer
