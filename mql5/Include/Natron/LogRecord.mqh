// The EA's log, line by line: where it lies, what a line says, and how a signal is put into one.
#include "EntryRule.mqh"

struct SLogRecord
  {
   string            event;
   string            id;
   int               side;
   string            detail;
  };

class CLogRecord
  {
private:
   static string     Share(const string name,const long ppm) { return(" "+name+"="+DoubleToString((double)ppm/LINE_PPM,3)); }

public:
   //--- the EA's file of a symbol (as the bridge spells it), in MQL5\Files
   static string     Place(const long magic,const string symbol,const string suffix)
     {
      return("Natron\\"+IntegerToString(AccountInfoInteger(ACCOUNT_LOGIN))+"-"+IntegerToString(magic)+"-"+symbol+suffix);
     }
   //--- what a signal says; candle: open time of its candle on the chart
   static string     Detail(const SLine &line,const datetime candle)
     {
      string text="candle="+IntegerToString((long)candle)+Share("up",line.up)+Share("down",line.down)+Share("neutral",line.neutral)
                  +Share("buy",line.buy)+Share("sell",line.sell);
      if(line.has_outlook)
         text+=Share("long_win",line.long_win)+Share("short_win",line.short_win)+Share("high_volatility",line.high_volatility);
      if(line.has_policy)
         text+=" policy="+IntegerToString(line.action);
      return(text+" regime="+CEntryRule::RegimeName(line)+" reasons="+IntegerToString(line.reasons));
     }
   //--- a value of such a detail; empty where there is none
   static string     Value(const string detail,const string name)
     {
      string words[];
      int count=StringSplit(detail,' ',words);
      for(int at=0; at<count; at++)
         if(StringFind(words[at],name+"=")==0)
            return(StringSubstr(words[at],StringLen(name)+1));
      return("");
     }
   static bool       Read(const string text,SLogRecord &record)
     {
      string parts[];
      if(StringSplit(text,';',parts)<7)
         return(false);
      record.event=parts[1];
      record.id=parts[2];
      record.side=(int)StringToInteger(parts[3]);
      record.detail=parts[6];
      return(true);
     }
  };
