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

inline std::map<std::string, double> g_globals;
inline bool GlobalVariableCheck(const string &name) { return g_globals.count(name.utf8()) > 0; }
inline double GlobalVariableGet(const string &name) { return g_globals[name.utf8()]; }
inline datetime GlobalVariableSet(const string &name, double value) { return g_globals[name.utf8()] = value, TimeLocal(); }
