// Draws what NatronEA wrote into its log: a ribbon from the close towards the side that is more probable, as wide as it is
// surer, and an arrow where the EA acted. Reads a file and nothing else; trades nothing.
#property copyright "Natron"
#property version   "1.00"
#property indicator_chart_window
#property indicator_buffers 4
#property indicator_plots   3
#property indicator_label1  "Up against down"
#property indicator_type1   DRAW_FILLING
#property indicator_color1  clrLimeGreen,clrTomato
#property indicator_label2  "Long"
#property indicator_type2   DRAW_ARROW
#property indicator_color2  clrLimeGreen
#property indicator_width2  2
#property indicator_label3  "Short"
#property indicator_type3   DRAW_ARROW
#property indicator_color3  clrTomato
#property indicator_width3  2

#include <Natron\LogTail.mqh>
#include <Natron\Sizing.mqh>
#include <Natron\SymbolMap.mqh>

input long Magic = 20241122;    // Magic number of the EA
input string BridgeSymbol = ""; // Symbol at the bridge, as in the EA
input double RibbonAtr = 2;     // Width of a sure direction, in average true ranges

#define VIEW_EVERY_MS 1000

double g_tip[];
double g_close[];
double g_long[];
double g_short[];
CLogTail g_tail;
ulong g_due=0;
string g_id;             // of the newest signal, and the candle it is of
datetime g_candle=0;

int OnInit(void)
  {
   CSymbolMap map;
   string symbol=CNameCode::Encode(map.Find(_Symbol,BridgeSymbol));
   if(symbol=="" || RibbonAtr<=0)
     {
      Print("Natron view cannot start: BridgeSymbol ",map.Fault()," or RibbonAtr, which must be above 0");
      return(INIT_PARAMETERS_INCORRECT);
     }
   SetIndexBuffer(0,g_tip,INDICATOR_DATA);
   SetIndexBuffer(1,g_close,INDICATOR_DATA);
   SetIndexBuffer(2,g_long,INDICATOR_DATA);
   SetIndexBuffer(3,g_short,INDICATOR_DATA);
   PlotIndexSetInteger(1,PLOT_ARROW,233);
   PlotIndexSetInteger(2,PLOT_ARROW,234);
   for(int plot=0; plot<3; plot++)
      PlotIndexSetDouble(plot,PLOT_EMPTY_VALUE,EMPTY_VALUE);
   g_tail.Open(CLogRecord::Place(Magic,symbol,".csv"));
   g_due=0;
   return(INIT_SUCCEEDED);
  }

//--- the place in the buffers of the candle that a record is about; -1 where the chart does not have it
int PlaceOf(const SLogRecord &record,const datetime &time[],const int total)
  {
   if(record.event=="signal")
     {
      g_id=record.id;
      g_candle=(datetime)StringToInteger(CLogRecord::Value(record.detail,"candle"));
     }
   int bar=g_candle>0 && record.id==g_id ? iBarShift(_Symbol,PERIOD_CURRENT,g_candle,true) : -1;
   return(bar>=0 && bar<total && time[total-1-bar]==g_candle ? total-1-bar : -1);
  }

void Clear(const int from,const int total)
  {
   for(int at=from; at<total; at++)
     {
      g_tip[at]=EMPTY_VALUE;
      g_close[at]=EMPTY_VALUE;
      g_long[at]=EMPTY_VALUE;
      g_short[at]=EMPTY_VALUE;
     }
  }

void Draw(const SLogRecord &record,const int at,const int total,const double high,const double low,const double close)
  {
   double atr=CSizing::AtrPoints(total-1-at)*_Point;
   if(record.event=="signal")
     {
      double tilt=StringToDouble(CLogRecord::Value(record.detail,"up"))-StringToDouble(CLogRecord::Value(record.detail,"down"));
      g_close[at]=close;
      g_tip[at]=close+tilt*RibbonAtr*atr;
     }
   if(record.event=="ordered" || record.event=="dry_run")
     {
      g_long[at]=record.side>0 ? low-atr/4 : EMPTY_VALUE;
      g_short[at]=record.side<0 ? high+atr/4 : EMPTY_VALUE;
     }
  }

int OnCalculate(const int rates_total,const int prev_calculated,const datetime &time[],const double &open[],const double &high[],
                const double &low[],const double &close[],const long &tick_volume[],const long &volume[],const int &spread[])
  {
   ulong now=GetTickCount64();
   ArraySetAsSeries(time,false);
   ArraySetAsSeries(high,false);
   ArraySetAsSeries(low,false);
   ArraySetAsSeries(close,false);
   Clear(prev_calculated>0 ? prev_calculated : 0,rates_total);
   if(prev_calculated==0)
     {
      g_tail.Rewind();
      g_candle=0;
     }
   else if(now<g_due)
      return(rates_total);
   g_due=now+VIEW_EVERY_MS;
   g_tail.Poll();
   SLogRecord record;
   while(g_tail.Next(record))
     {
      int at=PlaceOf(record,time,rates_total);
      if(at>=0)
         Draw(record,at,rates_total,high[at],low[at],close[at]);
     }
   return(rates_total);
  }
