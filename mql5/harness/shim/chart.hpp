// The chart: objects by name, and the terminal's global variables.
#pragma once
#include "access.hpp"

enum ENUM_OBJECT { OBJ_LABEL = 102, OBJ_BUTTON = 103, OBJ_ARROW_BUY = 38, OBJ_ARROW_SELL = 39 };
enum ENUM_OBJECT_PROPERTY_INTEGER { OBJPROP_XDISTANCE = 102, OBJPROP_YDISTANCE = 103, OBJPROP_XSIZE = 1019, OBJPROP_YSIZE = 1020, OBJPROP_COLOR = 6, OBJPROP_STATE = 1018, OBJPROP_CORNER = 1011, OBJPROP_FONTSIZE = 100 };
enum ENUM_OBJECT_PROPERTY_STRING { OBJPROP_TEXT = 205 };
inline const int CORNER_LEFT_UPPER = 0, CHARTEVENT_OBJECT_CLICK = 1;
inline const color clrRed = 255, clrWhite = 16777215, clrGray = 8421504, clrLime = 65280;
inline std::map<std::string, std::string> g_objects;
inline bool ObjectCreate(long, const string &name, ENUM_OBJECT, int, datetime, double) { return g_objects.emplace(name.utf8(), "").second; }
inline int ObjectFind(long, const string &name) { return g_objects.count(name.utf8()) ? 0 : -1; }
inline bool ObjectDelete(long, const string &name) { return g_objects.erase(name.utf8()) > 0; }
inline bool ObjectSetInteger(long, const string &, ENUM_OBJECT_PROPERTY_INTEGER, long) { return true; }
inline bool ObjectSetString(long, const string &name, ENUM_OBJECT_PROPERTY_STRING, const string &text) { return g_objects[name.utf8()] = text.utf8(), true; }
inline void ChartRedraw(long = 0) {}

// An indicator's buffers; the terminal makes them as long as the chart, new places hold garbage.
enum ENUM_INDEXBUFFER_TYPE { INDICATOR_DATA = 0, INDICATOR_COLOR_INDEX = 1, INDICATOR_CALCULATIONS = 2 };
enum ENUM_PLOT_PROPERTY_INTEGER { PLOT_ARROW = 0 };
enum ENUM_PLOT_PROPERTY_DOUBLE { PLOT_EMPTY_VALUE = 14 };
inline const double EMPTY_VALUE = 1.7976931348623157e308;
inline std::map<int, Array<double> *> g_buffers;
inline bool SetIndexBuffer(int index, Array<double> &buffer, ENUM_INDEXBUFFER_TYPE) { return g_buffers[index] = &buffer, true; }
inline bool PlotIndexSetInteger(int, ENUM_PLOT_PROPERTY_INTEGER, int) { return true; }
inline bool PlotIndexSetDouble(int, ENUM_PLOT_PROPERTY_DOUBLE, double) { return true; }
template <class T> bool ArraySetAsSeries(const Array<T> &, bool series) {
  if (series) mql_fault("ArraySetAsSeries: the emulator counts from the oldest");
  return true;
}

inline std::map<std::string, double> g_globals;
inline bool GlobalVariableCheck(const string &name) { return g_globals.count(name.utf8()) > 0; }
inline double GlobalVariableGet(const string &name) { return g_globals[name.utf8()]; }
inline datetime GlobalVariableSet(const string &name, double value) { return g_globals[name.utf8()] = value, TimeLocal(); }
