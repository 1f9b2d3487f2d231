// MQL5's runtime, emulated. Nastier than the real one where the real one may be nasty.
#pragma once
#include "driver.hpp"
